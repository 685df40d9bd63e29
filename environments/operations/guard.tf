# What enforces the quotas of the stanzas and verifies that nothing is kept. Its functions,
# roles and policies exist once, in the first shard's state. Each shard has schedules of its
# own, whose input is what the guard knows of the shard's tenants; so a tenant's limits are
# applied with the tenant.
locals {
  guard = var.operations.guard

  # ARNs and names that modules/operations-guard computes in the same way, because another
  # shard's state does not have its outputs.
  guard_name      = "bedrock-${var.environment}_guard"
  guard_functions = "arn:${data.aws_partition.current.partition}:lambda:${var.operations.region}:${var.operations.account_id}:function:${local.guard_name}"
  guard_scheduler = "arn:${data.aws_partition.current.partition}:iam::${var.operations.account_id}:role/${local.guard_name}-scheduler"

  limits = ["tokens_per_day", "tokens_per_month", "usd_per_month"]

  # Each tenant of the shard, also one without a limit, from which the guard then takes what
  # it attached while there was one.
  guarded = {
    for name, tenant in local.tenants : name => merge(
      {
        aliases = {
          for alias, model in tenant.models : alias => {
            limits = { for limit in local.limits : limit => tenant.quota.aliases[alias][limit] if try(tenant.quota.aliases[alias][limit], null) != null }
            models = distinct(compact([model.model, try(model.previous.model, "")]))
          } if model.track || try(model.previous.track, false)
        }
        limits    = { for limit in local.limits : limit => tenant.quota[limit] if tenant.quota[limit] != null }
        state     = tenant.state
        time_zone = tenant.quota.time_zone
        warn_at   = tenant.quota.warn_at
      },
      tenant.quota.event_bus == null ? {} : { event_bus = tenant.quota.event_bus },
    ) if local.guard != null
  }
  guard_input = jsonencode({
    environment = var.environment
    minutes     = try(local.guard.minutes, 5)
    prices = {
      for model, price in try(local.guard.prices, {}) : model => {
        cache_read  = coalesce(price.cache_read, price.input)
        cache_write = coalesce(price.cache_write, price.input)
        input       = price.input
        output      = price.output
      }
    }
    shard             = var.shard
    shards            = var.operations.shards
    tenants           = local.guarded
    tokens_per_minute = try(local.guard.tokens_per_minute, {})
  })
}

module "operations_guard" {
  source = "../../modules/operations-guard"
  count  = local.guard != null && var.shard == 0 ? 1 : 0

  access_rules         = local.guard.access_rules
  account_id           = var.operations.account_id
  customer_accounts    = toset(flatten([for tenant in values(local.stanzas) : keys(tenant.accounts)]))
  deployers            = var.operations.deployment_principals
  environment          = var.environment
  event_buses          = toset([for bus in [for tenant in values(local.stanzas) : tenant.quota.event_bus] : bus if bus != null])
  iam_events_region    = local.has_iam_events ? null : local.iam_events_region
  lease_minutes        = local.guard.lease_minutes
  minutes              = local.guard.minutes
  on_failure           = local.guard.on_failure
  package_path         = "${path.root}/../../build/operations-guard-py3.13.zip"
  partition            = data.aws_partition.current.partition
  permissions_boundary = local.guard.permissions_boundary
  region               = var.operations.region
  runbooks             = local.guard.runbooks
  shards               = var.operations.shards
}

resource "aws_scheduler_schedule" "quotas" {
  count = local.guard == null ? 0 : 1

  name                = "bedrock-${var.environment}-quotas-${var.shard}"
  description         = "Lets the guard compare what the tenants of shard ${var.shard} have used with their quotas."
  schedule_expression = local.guard.minutes == 1 ? "rate(1 minute)" : "rate(${local.guard.minutes} minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.guard_functions
    input    = local.guard_input
    role_arn = local.guard_scheduler

    # The next run does what a run has missed.
    retry_policy {
      maximum_event_age_in_seconds = 60 * local.guard.minutes
      maximum_retry_attempts       = 2
    }
  }

  lifecycle {
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html
    precondition {
      condition     = length(local.guard_input) <= 262144
      error_message = "What the guard has to know of the tenants of shard ${var.shard} is ${length(local.guard_input)} characters, more than the 262,144 that EventBridge Scheduler passes on; raise operations.shards and run `make shards ENV=${var.environment}`."
    }
  }
}

# The guard moves it on at the end of each complete run, and writes who is stopped if it is
# not moved on. Until the first such run, it is a day after the plan.
resource "aws_scheduler_schedule" "lease" {
  count = try(local.guard.on_failure, "open") == "closed" ? 1 : 0

  name                = "bedrock-${var.environment}-lease-${var.shard}"
  description         = "Stops the tenants of shard ${var.shard} with a quota, unless the guard moves it on."
  schedule_expression = "at(${formatdate("YYYY-MM-DD'T'hh:mm:ss", timeadd(plantimestamp(), "24h"))})"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "${local.guard_functions}-lease"
    input    = jsonencode({ environment = var.environment, shard = var.shard, tenants = [for name, tenant in local.guarded : name if length(tenant.limits) + length(flatten([for alias in values(tenant.aliases) : keys(alias.limits)])) > 0] })
    role_arn = local.guard_scheduler
  }

  lifecycle {
    ignore_changes = [schedule_expression, target[0].input]
  }
}
