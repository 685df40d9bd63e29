module "customer_workload" {
  source = "../../modules/customer-workload"

  account_id              = var.account_id
  architecture            = local.workload.architecture
  audit                   = local.stanza.audit
  code_signing_config_arn = local.account.code_signing_config_arn
  content                 = local.stanza.content
  environment             = var.environment
  guardrail               = var.handover.guardrail
  key_arn                 = local.key_arn
  masking                 = local.stanza.masking
  memory_size             = local.workload.memory_size
  models                  = var.handover.models
  package_path            = local.package_path
  permissions_boundary    = local.permissions_boundary
  quota                   = var.handover.quota
  readers                 = local.account.readers
  reserved_concurrency    = local.workload.reserved_concurrency
  retention_days          = local.workload.retention_days
  snap_start              = local.workload.snap_start
  state                   = local.stanza.state
  tenant                  = var.tenant
  timeout                 = local.workload.timeout
  trusted_accounts        = setunion(keys(local.stanza.accounts), local.stanza.trusted_accounts)
  unmaskers               = local.account.unmaskers
  usage                   = var.handover.usage
  vpc                     = local.account.vpc

  operations_role = {
    arn         = var.handover.role_arn
    external_id = var.handover.external_id
  }
}
