# Every name and ARN is computed from the variables: no data source, so that a
# plan without credentials already shows each policy whole, for many accounts,
# Regions and partitions at once.
locals {
  # modules/customer-workload and modules/operations-role compute the same name.
  name = "bedrock-${var.environment}-${var.tenant}"

  # One format for each service that has a Region in its ARNs, and one for IAM.
  regional_arn = "arn:${var.partition}:%s:${var.region}:${var.account_id}:%s"
  iam_arn      = "arn:${var.partition}:iam::%s:%s"

  operations_role_arn = format(local.iam_arn, var.operations_account_id, "role/${local.name}")
  execution_role_arn  = format(local.iam_arn, var.account_id, "role/${local.name}-execution")
  reader_role_arn     = format(local.iam_arn, var.account_id, "role/${local.name}-reader")
  unmasker_role_arn   = format(local.iam_arn, var.account_id, "role/${local.name}-unmasker")

  record_log_group_arn   = format(local.regional_arn, "logs", "log-group:/bedrock/${var.environment}/${var.tenant}/records")
  function_log_group_arn = format(local.regional_arn, "logs", "log-group:/aws/lambda/${local.name}")

  role = {
    arn         = format(local.iam_arn, var.account_id, "role/${var.role_name}")
    description = "Lets operations account ${var.operations_account_id} manage the workload of tenant ${var.tenant}."
    name        = var.role_name
  }

  # The path and the name of the policy are parts of its ARN.
  boundary_policy = var.permissions_boundary == null ? null : {
    description = "The most that the roles of ${local.name} may do."
    name        = reverse(split("/", var.permissions_boundary))[0]
    path        = regex("/(?:.*/)?", var.permissions_boundary)
  }

  workload_role_arns = [local.execution_role_arn, local.reader_role_arn, local.unmasker_role_arn]
  log_contents       = ["${local.record_log_group_arn}:*", "${local.function_log_group_arn}:*"]

  tagged_with_the_tenant         = { StringEquals = { "aws:ResourceTag/tenant" = var.tenant } }
  requested_with_the_tenants_tag = { StringEquals = { "aws:RequestTag/tenant" = var.tenant } }
}
