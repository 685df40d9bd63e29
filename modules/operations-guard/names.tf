locals {
  # No tenant's name has an underscore, so no tenant's role or function has one of these
  # names, and the pattern of the tenants' roles does not include the guard's own roles.
  name         = "bedrock-${var.environment}_guard"
  lease        = "${local.name}-lease"
  scheduler    = "${local.name}-scheduler"
  forwarder    = "${local.name}-events"
  verification = "${local.name}-verification"

  iam    = "arn:${var.partition}:iam::${var.account_id}"
  region = "${var.region}:${var.account_id}"

  # ARNs that follow from names, so that a plan shows every policy whole.
  function_arn     = "arn:${var.partition}:lambda:${local.region}:function:${local.name}"
  lease_arn        = "arn:${var.partition}:lambda:${local.region}:function:${local.lease}"
  verification_arn = "arn:${var.partition}:lambda:${local.region}:function:${local.verification}"
  topic_arn        = "arn:${var.partition}:sns:${local.region}:${local.name}"
  policy_arns = {
    alias = "${local.iam}:policy/bedrock-${var.environment}-alias-quota-reached"
    quota = "${local.iam}:policy/bedrock-${var.environment}-quota-reached"
  }
  scheduler_role_arn = "${local.iam}:role/${local.scheduler}"
  tenant_roles       = "${local.iam}:role/bedrock-${var.environment}-*"

  metric_namespace = "TenantBedrock/${var.environment}"
}
