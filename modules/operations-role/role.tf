locals {
  # modules/customer-workload computes its execution role from the same words.
  # Neither side reads the other's state, so either can be made first.
  name = "bedrock-${var.operations.environment}-${var.tenant}"
  arn  = "arn:${var.operations.partition}:iam::${var.operations.account_id}:role/${local.name}"

  # IAM's limits; it counts no white space, and jsonencode writes none.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  overlong = concat(
    [
      for length in [length(local.trust)] :
      "the trust policy has ${length} characters, ${length - var.operations.trust_policy_limit} more than IAM takes; give the tenant fewer accounts, or have AWS raise the limit and write it in limits.trust_policy."
      if length > var.operations.trust_policy_limit
    ],
    [
      for length in [length(local.permissions)] :
      "the permissions have ${length} characters, ${length - 10240} more than the 10,240 IAM takes; grant fewer models or Regions."
      if length > 10240
    ],
  )
}

resource "aws_iam_role" "this" {
  name                 = local.name
  description          = "What tenant ${var.tenant} may do in Amazon Bedrock."
  assume_role_policy   = local.trust
  max_session_duration = 3600 # the caller is a role itself, and STS caps chained roles at an hour
  permissions_boundary = var.operations.permissions_boundary

  tags = { tenant = var.tenant }

  # Not an aws_iam_role_policy, which would have to refer to this role: Terraform
  # looks such a reference up among the roles of all tenants, and a plan's time
  # would grow with their square. This also takes away what was added by hand.
  inline_policy {
    name   = "grants"
    policy = local.permissions
  }

  lifecycle {
    precondition {
      condition     = length(local.broken_rules) + length(local.overlong) == 0
      error_message = join("\n", [for sentence in concat(local.broken_rules, local.overlong) : "Tenant ${var.tenant}: ${sentence}"])
    }
  }
}
