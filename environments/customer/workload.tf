module "customer_workload" {
  source = "../../modules/customer-workload"

  account_id              = var.account_id
  architecture            = local.workload.architecture
  audit                   = local.stanza.audit
  code_signing_config_arn = local.account.code_signing_config_arn
  content                 = local.stanza.content
  environment             = var.environment
  guardrail               = local.handover.guardrail
  key_arn                 = local.key_arn
  masking                 = local.stanza.masking
  memory_size             = local.workload.memory_size
  models                  = local.handover.models
  package_path            = local.package_path
  permissions_boundary    = local.permissions_boundary
  quota                   = local.handover.quota
  readers                 = local.account.readers
  reserved_concurrency    = local.workload.reserved_concurrency
  retention_days          = local.workload.retention_days
  snap_start              = local.workload.snap_start
  state                   = local.stanza.state
  tenant                  = var.tenant
  timeout                 = local.workload.timeout
  unmaskers               = local.account.unmaskers
  vpc                     = local.account.vpc

  operations_role = {
    arn         = local.handover.role_arn
    external_id = local.handover.external_id
  }
}
