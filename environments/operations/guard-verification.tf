# What the daily verification has to know of the shard's tenants: Regions, profiles and names.
locals {
  verified_models = flatten([for tenant in values(local.tenants) : [for model in values(tenant.models) : [for entry in [model, model.previous] : entry if entry != null]]])
  called_profiles = flatten([for model in local.verified_models : [for region in model.regions : { id = "${ { geographic = coalesce(model.profile, "-"), global = "global." }[model.route]}${model.model}", region = region }] if model.route != "on-demand"])
  trail_regions   = flatten([for tenant in values(local.tenants) : [for account in values(tenant.accounts) : coalesce(account.region, var.operations.region)]])

  verification_input = jsonencode({
    account       = var.operations.account_id
    environment   = var.environment
    partition     = data.aws_partition.current.partition
    profiles      = { for region, ids in { for profile in local.called_profiles : profile.region => profile.id... } : region => sort(distinct(ids)) }
    region        = var.operations.region
    regions       = sort(distinct(concat([var.operations.region], flatten([for model in local.verified_models : concat(tolist(model.regions), model.destinations)]))))
    shard         = var.shard
    shards        = var.operations.shards
    tenants       = keys(local.tenants)
    trail_regions = sort(distinct(concat([var.operations.region], local.trail_regions)))
    worldwide     = anytrue([for model in local.verified_models : model.route == "global"])
  })
}

resource "aws_scheduler_schedule" "verification" {
  count = local.guard == null ? 0 : 1

  name                = "bedrock-${var.environment}-verification-${var.shard}"
  description         = "Verifies every day that the operations account keeps nothing of what the tenants of shard ${var.shard} ask."
  schedule_expression = "rate(1 day)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "${local.guard_functions}-verification"
    input    = local.verification_input
    role_arn = local.guard_scheduler

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 2
    }
  }
}
