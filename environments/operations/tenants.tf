data "aws_partition" "current" {}

module "operations_role" {
  source   = "../../modules/operations-role"
  for_each = var.tenants

  customer_account_ids  = keys(each.value.accounts)
  environment           = var.environment
  external_ids          = each.value.external_ids
  models                = each.value.models
  operations_account_id = var.operations.account_id
  partition             = data.aws_partition.current.partition
  permissions_boundary  = var.operations.permissions_boundary
  tenant                = each.key
}
