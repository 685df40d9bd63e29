# A module of its own and without a provider, so that `make deployer` can render
# the policies alone.
module "policies" {
  source = "./policies"

  account_id              = var.account_id
  code_signing_config_arn = var.code_signing_config_arn
  deployment_principals   = var.deployment_principals
  environment             = var.environment
  external_id             = var.external_id
  operations_account_id   = var.operations_account_id
  partition               = var.partition
  permissions_boundary    = var.permissions_boundary
  readers                 = var.readers
  region                  = var.region
  role_name               = var.role_name
  tags                    = var.tags
  tenant                  = var.tenant
  unmaskers               = var.unmaskers
  vpc                     = var.vpc
}
