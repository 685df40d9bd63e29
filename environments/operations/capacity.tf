# Without this check, an apply would fail at the tenant that exceeds a limit, after
# the others have been created. The plan reports it instead.
locals {
  profiles = length(flatten([
    for tenant in values(var.tenants) : [for model in values(tenant.models) : model if model.track]
  ]))

  capacity = {
    inference_profiles = { limit = var.limits.inference_profiles, used = local.profiles }
    roles              = { limit = var.limits.roles, used = length(var.tenants) }

    # Characters of each tenant's policies, and those of the tenant that is closest to the limit.
    policy_sizes       = { for name, tenant in module.operations_role : name => tenant.role.sizes }
    permissions_policy = { limit = 10240, used = max(concat([0], values(module.operations_role)[*].role.sizes.permissions)...) }
    trust_policy       = { limit = var.limits.trust_policy, used = max(concat([0], values(module.operations_role)[*].role.sizes.trust)...) }
  }
}
