# See variables.tf.
variable "tenants" {
  description = "The tenants, by name: their accounts by id, their models by alias, and all else that a stanza can say."
  type = map(object({
    accounts = map(object({
      permissions_boundary = optional(string)
      readers              = optional(set(string), [])
      region               = optional(string)
      unmaskers            = optional(set(string), [])
      vpc = optional(object({
        id                 = optional(string)
        security_group_ids = set(string)
        subnet_ids         = set(string)
      }))
    }))
    audit   = optional(string, "best-effort")
    content = optional(string, "full")
    deployer = optional(object({
      external_id = string
    }))
    external_ids = object({
      current  = string
      previous = optional(string)
    })
    guardrail = optional(object({
      arn     = string
      version = string
    }))
    masking = optional(set(string), [])
    models = map(object({
      destinations = optional(list(string), [])
      fallbacks    = optional(list(string), [])
      model        = string
      profile      = optional(string)
      regions      = list(string)
      route        = optional(string, "on-demand")
      streaming    = optional(bool, true)
      track        = optional(bool, false)
    }))
    perimeter = optional(object({
      networks      = optional(set(string), [])
      vpc_endpoints = optional(set(string), [])
    }))
    quota = optional(object({
      max_tokens_per_call = optional(number)
      requests_per_second = optional(number)
      tokens_per_day      = optional(number)
      tokens_per_month    = optional(number)
    }), {})
    state = optional(string, "active")
    workload = optional(object({
      architecture         = optional(string, "arm64")
      memory_size          = optional(number)
      reserved_concurrency = optional(number)
      retention_days       = optional(number)
      snap_start           = optional(bool)
      timeout              = optional(number)
    }), {})
  }))
  nullable = false

  # The name is also the session name, of which STS wants at least 2 characters.
  validation {
    condition     = alltrue([for name in keys(var.tenants) : can(regex("^[a-z0-9](-?[a-z0-9])+$", name))])
    error_message = "A tenant's name is 2 or more lower-case letters and digits, with single hyphens between them, not ${join(", ", [for name in keys(var.tenants) : name if !can(regex("^[a-z0-9](-?[a-z0-9])+$", name))])}."
  }

  validation {
    condition     = length(distinct([for name in keys(var.tenants) : lower(name)])) == length(var.tenants)
    error_message = "IAM does not tell upper from lower case in a role's name; rename one of ${join(" and ", flatten([for names in { for name in keys(var.tenants) : lower(name) => name... } : names if length(names) > 1]))}."
  }

  validation {
    condition = alltrue([
      for region in compact(flatten([for tenant in values(var.tenants) : values(tenant.accounts)[*].region])) :
      can(regex("^([a-z]{2}|[a-z]{2}-(gov|iso[a-z]?)|eusc-[a-z]{2})-((north|south)?(east|west)|north|south|central)-[1-9][0-9]?$", region))
    ])
    error_message = "An account's region is a Region such as \"eu-central-1\"; look at ${join(", ", compact(flatten([for tenant in values(var.tenants) : values(tenant.accounts)[*].region])))}."
  }

  # IAM and Lambda take 64 characters; the execution role's name is the longest.
  validation {
    condition     = alltrue([for name in keys(var.tenants) : length("bedrock-${var.environment}-${name}-execution") <= 64])
    error_message = "IAM allows a role name 64 characters; shorten ${join(", ", [for name in keys(var.tenants) : "${name} by ${length("bedrock-${var.environment}-${name}-execution") - 64}" if length("bedrock-${var.environment}-${name}-execution") > 64])}."
  }

  validation {
    condition     = !anytrue([for tenant in values(var.tenants) : contains(keys(tenant.accounts), var.operations.account_id)])
    error_message = "The operations account ${var.operations.account_id} cannot be a customer account: no record may be kept in it. Name the customer's own in ${join(", ", [for name, tenant in var.tenants : name if contains(keys(tenant.accounts), var.operations.account_id)])}."
  }

  validation {
    condition = length([
      for id, names in transpose({ for name, tenant in var.tenants : name => keys(tenant.accounts) }) : id
      if length(names) > 1 && !contains(var.accounts_with_several_tenants, id)
    ]) == 0
    error_message = "A customer account has one tenant; name it in one stanza only, or list it in accounts_with_several_tenants: ${join("; ", [for id, names in transpose({ for name, tenant in var.tenants : name => keys(tenant.accounts) }) : "${id} is in ${join(" and ", names)}" if length(names) > 1 && !contains(var.accounts_with_several_tenants, id)])}."
  }

  validation {
    condition = length(distinct(flatten([
      for tenant in values(var.tenants) : compact([tenant.external_ids.current, tenant.external_ids.previous, try(tenant.deployer.external_id, null)])
      ]))) == length(flatten([
      for tenant in values(var.tenants) : compact([tenant.external_ids.current, tenant.external_ids.previous, try(tenant.deployer.external_id, null)])
    ]))
    error_message = "Every ExternalId (current, previous or the deployer's) belongs to one tenant and is used once; mint another with `openssl rand -hex 16` for ${join("; ", [for id, names in { for pair in flatten([for name, tenant in var.tenants : [for id in compact([tenant.external_ids.current, tenant.external_ids.previous, try(tenant.deployer.external_id, null)]) : { id = id, name = name }]]) : pair.id => pair.name... } : join(" and ", names) if length(names) > 1])}."
  }

  # modules/operations-role checks external_ids in the same way.
  validation {
    condition = alltrue([
      for tenant in values(var.tenants) :
      try(length(tenant.deployer.external_id) >= 16 && length(tenant.deployer.external_id) <= 1224 && can(regex("^[\\w+=,.@:/-]*$", tenant.deployer.external_id)), true)
    ])
    error_message = "deployer.external_id has 16 to 1,224 characters, all of them letters, digits or _+=,.@:/-; mint one with `openssl rand -hex 16` for ${join(", ", [for name, tenant in var.tenants : name if !try(length(tenant.deployer.external_id) >= 16 && length(tenant.deployer.external_id) <= 1224 && can(regex("^[\\w+=,.@:/-]*$", tenant.deployer.external_id)), true)])}."
  }
}
