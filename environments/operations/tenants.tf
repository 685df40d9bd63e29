data "aws_partition" "current" {}

module "operations_role" {
  source   = "../../modules/operations-role"
  for_each = var.tenants

  operations = {
    account_id           = var.operations.account_id
    environment          = var.environment
    partition            = data.aws_partition.current.partition
    permissions_boundary = var.operations.permissions_boundary
    region               = var.operations.region
    trust_policy_limit   = var.limits.trust_policy
  }
  stanza = each.value
  tenant = each.key
}
