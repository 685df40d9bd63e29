output "capacity" {
  description = "How much of AWS's limits the environment uses; `make capacity` shows it."
  value       = local.capacity

  precondition {
    condition     = local.capacity.roles.used <= local.capacity.roles.limit
    error_message = "${local.capacity.roles.used} tenants are ${local.capacity.roles.used - local.capacity.roles.limit} more than the roles IAM allows the account; have AWS raise the limit and write it in limits.roles, or begin a second environment in another operations account."
  }

  precondition {
    condition     = local.capacity.inference_profiles.used <= local.capacity.inference_profiles.limit
    error_message = "${local.capacity.inference_profiles.used} tracked aliases are ${local.capacity.inference_profiles.used - local.capacity.inference_profiles.limit} more than the profiles Bedrock allows in ${var.operations.region}; have AWS raise the quota L-40EC9882 and write it in limits.inference_profiles, or track fewer."
  }
}

output "handover" {
  description = "By tenant, what its customer side must know to use its role; the customer root reads it."
  value       = { for name, its in module.operations_role : name => its.role.handover }
  sensitive   = true # holds the ExternalIds
}

output "quotas" {
  description = "By tenant, its declared quota and what enforcing it takes: profiles, role and state."
  value       = { for name, its in module.operations_role : name => its.role.quota }
}
