# Without this check, an apply would fail at the tenant that exceeds a limit, after
# the others have been created. The plan reports it instead.
locals {
  # While the model of a tracked alias is replaced, the alias has two profiles.
  profiles = length(flatten([
    for tenant in values(local.stanzas) : [
      for model in values(tenant.models) : distinct([
        for entry in [for each in [model, model.previous] : each if each != null] :
        "${entry.route} ${coalesce(entry.profile, "none")} ${entry.model}" if entry.track
      ])
    ]
  ]))

  # Characters of each tenant's policies. A reference to all instances of the module
  # takes long, so there is only this one.
  policy_sizes = { for name, tenant in module.operations_role : name => tenant.role.sizes }

  capacity = {
    inference_profiles = { limit = var.limits.inference_profiles, used = local.profiles }
    roles              = { limit = var.limits.roles, used = length(local.stanzas) }

    # Of this shard's tenants, and the limits for each of them.
    policy_sizes  = local.policy_sizes
    policy_limits = { permissions = 10240, trust = var.limits.trust_policy }
  }
}
