output "capacity" {
  description = "How much of each AWS limit the environment uses, and the sizes of the policies of the shard's tenants; `make capacity` shows both."
  value       = local.capacity

  precondition {
    condition     = local.capacity.roles.used <= local.capacity.roles.limit
    error_message = "${local.capacity.roles.used} tenants need ${local.capacity.roles.used - local.capacity.roles.limit} more roles than IAM allows in the account; have AWS raise the limit and write it in limits.roles, or start a second environment in another operations account."
  }

  precondition {
    condition     = local.capacity.inference_profiles.used <= local.capacity.inference_profiles.limit
    error_message = "${local.capacity.inference_profiles.used} tracked aliases need ${local.capacity.inference_profiles.used - local.capacity.inference_profiles.limit} more inference profiles than Bedrock allows in ${var.operations.region}; have AWS raise the quota L-40EC9882 and write it in limits.inference_profiles, or track fewer aliases."
  }
}

output "handover" {
  description = "What the customer side needs in order to use the role, by tenant; `make apply` writes each to an object of the state bucket."
  value       = { for tenant, instance in module.operations_role : tenant => instance.role.handover }
  sensitive   = true # contains the ExternalIds
}

output "quotas" {
  description = "The quota of each tenant, and the inference profiles, role and state that enforcing it requires."
  value       = { for tenant, instance in module.operations_role : tenant => instance.role.quota }
}
