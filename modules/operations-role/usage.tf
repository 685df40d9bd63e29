locals {
  # Where the guard keeps the tenant's own counts, so that a refused call can say until
  # when. Other tenants have other parameters.
  usage_parameter = "/bedrock/${var.operations.environment}/usage/${var.tenant}"
  usage_grants = length(local.limited_aliases) > 0 && length(local.violations) == 0 ? [{
    sid       = "ReadItsOwnUsage"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${var.operations.partition}:ssm:${var.operations.region}:${var.operations.account_id}:parameter${local.usage_parameter}"]
    equals    = {}
    like      = {}
  }] : []
}
