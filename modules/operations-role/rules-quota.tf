# What the quota of a stanza must satisfy; see rules.tf.
locals {
  # The limits of all aliases together, and of single ones: by alias, "" for all of them.
  limits = {
    for alias, quota in merge({ "" = var.stanza.quota }, { for alias, quota in var.stanza.quota.aliases : alias => quota if quota != null }) : alias => {
      tokens_per_day   = quota.tokens_per_day
      tokens_per_month = quota.tokens_per_month
      usd_per_month    = quota.usd_per_month
    }
  }
  limit_names = { for alias in keys(local.limits) : alias => alias == "" ? "quota" : "quota.aliases.${alias}" }

  # The aliases of which the guard has to know the use, and those whose price it has to know.
  # Where there is no guard, a limit of tokens is declared and nothing enforces it.
  limited_aliases = var.operations.guard == null ? [] : distinct(flatten([for alias, limits in local.limits : alias == "" ? keys(local.stanza_models) : [alias] if anytrue([for limit in values(limits) : limit != null])]))
  dollar_aliases  = distinct(flatten([for alias, limits in local.limits : alias == "" ? keys(local.stanza_models) : [alias] if limits.usd_per_month != null]))

  quota_violations = concat(
    [
      for limit in flatten([for alias, limits in local.limits : [for name in ["tokens_per_day", "tokens_per_month"] : { name = "${local.limit_names[alias]}.${name}", value = limits[name] }]]) :
      "${limit.name} is a whole number of 1 or more, not ${limit.value}; leave it out for no limit."
      if try(limit.value < 1 || floor(limit.value) != limit.value, false)
    ],
    try(var.stanza.quota.max_tokens_per_call < 1 || floor(var.stanza.quota.max_tokens_per_call) != var.stanza.quota.max_tokens_per_call, false) ? [
      "quota.max_tokens_per_call is a whole number of 1 or more, not ${var.stanza.quota.max_tokens_per_call}; leave it out for no limit.",
    ] : [],
    try(var.stanza.quota.requests_per_second <= 0, false) ? [
      "quota.requests_per_second is greater than 0, not ${var.stanza.quota.requests_per_second}; to stop a tenant, write state = \"suspended\".",
    ] : [],
    [
      for alias, limits in local.limits : "${local.limit_names[alias]}.usd_per_month is greater than 0, not ${limits.usd_per_month}; leave it out for no limit."
      if try(limits.usd_per_month <= 0, false)
    ],
    [
      for alias, limits in local.limits : "${local.limit_names[alias]}.tokens_per_day is greater than tokens_per_month; lower it or raise tokens_per_month."
      if try(limits.tokens_per_day > limits.tokens_per_month, false)
    ],

    [
      for alias, quota in var.stanza.quota.aliases : "quota.aliases has ${alias}, which is no alias of its models; use ${join(", ", keys(local.stanza_models))}, or remove it."
      if !contains(keys(local.stanza_models), alias)
    ],
    [
      for alias, quota in var.stanza.quota.aliases : "quota.aliases.${alias} has no limit; write tokens_per_day, tokens_per_month or usd_per_month, or remove it."
      if try(alltrue([for limit in values(quota) : limit == null]), true)
    ],

    # Bedrock counts tokens by the profile that is called, so what goes past one is not counted.
    [
      for alias in local.limited_aliases : "its quota limits ${alias}, of which Bedrock counts no tokens by tenant; write track = true for ${alias}, or remove the limit."
      if try(!local.stanza_models[alias].track || !coalesce(try(local.stanza_models[alias].previous.track, true), true), false)
    ],
    [
      for alias in local.dollar_aliases : "its quota limits the dollars of ${alias}, and operations.guard.prices has no price of ${join(" and ", [for model in distinct(compact([local.stanza_models[alias].model, try(local.stanza_models[alias].previous.model, "")])) : model if !contains(try(var.operations.guard.priced_models, []), model)])}; write it there, or limit tokens instead."
      if try(length(setsubtract(compact([local.stanza_models[alias].model, try(local.stanza_models[alias].previous.model, "")]), try(var.operations.guard.priced_models, []))) > 0, false)
    ],

    [
      for level in var.stanza.quota.warn_at : "quota.warn_at has percents from 1 to 100, not ${coalesce(level, "null")}."
      if try(level < 1 || level > 100, true)
    ],

    # The names of the database that lambda/operations_guard reads.
    strcontains("\n${file("${path.module}/time-zones.txt")}", "\n${var.stanza.quota.time_zone}\n") ? [] : [
      "quota.time_zone is the name of a time zone, such as \"Europe/Berlin\" or \"UTC\", not \"${var.stanza.quota.time_zone}\"; modules/operations-role/time-zones.txt lists them.",
    ],

    # Events of a tenant go to nobody else.
    [
      for bus in [for each in [var.stanza.quota.event_bus] : each if each != null] :
      "quota.event_bus is the ARN of an event bus in one of the tenant's accounts, such as arn:${var.operations.partition}:events:${var.operations.region}:${try(keys(var.stanza.accounts)[0], "222222222222")}:event-bus/quotas, not ${bus}."
      if !can(regex("^arn:${var.operations.partition}:events:[a-z0-9-]+:(${join("|", keys(var.stanza.accounts))}):event-bus/[\\w.-]+$", bus))
    ],
  )
}
