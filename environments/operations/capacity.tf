# AWS would refuse the tenant that goes over a limit at apply, after the others
# were made: better to hear of it in the plan.
locals {
  profiles = sum(concat([0], [
    for tenant in values(var.tenants) : length([for granted in values(tenant.models) : granted if granted.track])
  ]))

  capacity = {
    inference_profiles = { limit = var.limits.inference_profiles, used = local.profiles }
    roles              = { limit = var.limits.roles, used = length(var.tenants) }

    # Of the tenant that comes nearest to the limit.
    permissions_policy = { limit = 10240, used = max(concat([0], values(module.operations_role)[*].role.sizes.permissions)...) }
    trust_policy       = { limit = var.limits.trust_policy, used = max(concat([0], values(module.operations_role)[*].role.sizes.trust)...) }
  }
}
