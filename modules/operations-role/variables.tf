variable "operations" {
  description = "The operations account and the environment in it, the same for all tenants."
  type = object({
    account_id  = string
    environment = string
    guard = optional(object({                   # of modules/operations-guard, where that enforces quotas
      priced_models = optional(set(string), []) # ids of the models that it knows a price of
    }))
    partition            = string
    permissions_boundary = optional(string)
    region               = string
    trust_policy_limit   = optional(number, 2048) # characters; AWS raises it on request
  })
  nullable = false
}

# The rules for a stanza are in rules.tf. A type cannot refuse null, so what a
# stanza must have is null or left out as a value that a rule refuses.
variable "stanza" {
  description = "The tenant's stanza: what the tenant may do, and from which accounts. It must have accounts, external_ids.current and models."
  type = object({
    accounts = optional(map(object({
      managed_by = optional(string, "operator")
    })), {})
    external_ids = optional(object({
      current  = optional(string, "")
      previous = optional(string)
    }), {})
    guardrail = optional(object({
      arn = optional(string, "")
      previous = optional(object({
        arn     = optional(string, "")
        version = optional(string, "")
      }))
      version = optional(string, "")
    }))
    models = optional(map(object({
      count_tokens = optional(bool, false)
      destinations = optional(list(string), [])
      fallbacks    = optional(list(string), [])
      model        = optional(string, "")
      previous = optional(object({
        count_tokens = optional(bool, false)
        destinations = optional(list(string), [])
        model        = optional(string, "")
        profile      = optional(string)
        regions      = optional(list(string), [])
        route        = optional(string, "on-demand")
        streaming    = optional(bool, true)
        track        = optional(bool, false)
      }))
      profile   = optional(string)
      regions   = optional(list(string), [])
      route     = optional(string, "on-demand")
      streaming = optional(bool, true)
      track     = optional(bool, false)
    })), {})
    perimeter = optional(object({
      networks      = optional(set(string), [])
      vpc_endpoints = optional(set(string), [])
    }))
    quota = optional(object({
      aliases = optional(map(object({
        tokens_per_day   = optional(number)
        tokens_per_month = optional(number)
        usd_per_month    = optional(number)
      })), {})
      event_bus           = optional(string)
      max_tokens_per_call = optional(number)
      requests_per_second = optional(number)
      time_zone           = optional(string, "UTC")
      tokens_per_day      = optional(number)
      tokens_per_month    = optional(number)
      usd_per_month       = optional(number)
      warn_at             = optional(list(number), [50, 80, 95])
    }), {})
    state = optional(string, "active")
    tags  = optional(map(string), {})
  })
  nullable = false
}

variable "tenant" {
  description = "The tenant's name, part of the role's name and the only session name that the role accepts."
  type        = string
  nullable    = false
}
