# Renders the deployer role of many customer accounts in one plan. Nothing is
# applied here: `make deployer` prints the result for a customer, and the local
# AWS creates the roles from it. There is no provider, so it needs no credentials.
terraform {
  required_version = ">= 1.11"
}

variable "accounts" {
  description = "By tenant and account, the inputs of modules/customer-deployer/policies."
  type = map(object({
    account_id              = string
    code_signing_config_arn = optional(string)
    deployment_principals   = set(string)
    environment             = string
    external_id             = string
    operations_account_id   = string
    partition               = string
    permissions_boundary    = optional(string)
    readers                 = optional(set(string))
    region                  = string
    role_name               = string
    tags                    = optional(map(string))
    tenant                  = string
    unmaskers               = optional(set(string))
    vpc = optional(object({
      id                 = optional(string)
      security_group_ids = set(string)
      subnet_ids         = set(string)
    }))
  }))
  nullable = false
}

module "deployer" {
  source   = "../../../modules/customer-deployer/policies"
  for_each = var.accounts

  account_id              = each.value.account_id
  code_signing_config_arn = each.value.code_signing_config_arn
  deployment_principals   = each.value.deployment_principals
  environment             = each.value.environment
  external_id             = each.value.external_id
  operations_account_id   = each.value.operations_account_id
  partition               = each.value.partition
  permissions_boundary    = each.value.permissions_boundary
  readers                 = each.value.readers
  region                  = each.value.region
  role_name               = each.value.role_name
  tags                    = each.value.tags
  tenant                  = each.value.tenant
  unmaskers               = each.value.unmaskers
  vpc                     = each.value.vpc
}

output "deployers" {
  description = "By tenant and account, what the customer creates."
  value       = module.deployer
}
