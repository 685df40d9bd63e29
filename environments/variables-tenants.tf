variable "tenants" {
  description = "The tenants by name. Each value is a stanza, with the tenant's accounts by id and its models by alias."
  type = map(object({
    accounts = map(object({                                  # the customer accounts, by id; one role serves all of them
      code_signing_config_arn = optional(string)             # ARN of the customer's code signing configuration, which refuses code that it has not signed
      managed_by              = optional(string, "operator") # "customer" for an account in which the customer applies the module customer-workload itself
      permissions_boundary    = optional(string)             # ARN of the boundary that the workload's roles get, which the deployer's module creates; by default bedrock-<environment>-<tenant>-boundary
      readers                 = optional(set(string), [])    # ARNs of the roles and users that may assume the reader role
      region                  = optional(string)             # Region of the function and its records; by default the operations Region
      tags                    = optional(map(string), {})    # tags of the resources in this account, beside those of the stanza
      unmaskers               = optional(set(string), [])    # ARNs that may assume the unmasker role, which reads without masks
      vpc = optional(object({                                # runs the function in these subnets
        id                 = optional(string)                # also creates VPC endpoints in this VPC that admit this tenant only
        security_group_ids = set(string)                     # of the function and the endpoints
        subnet_ids         = set(string)                     # of the function and the endpoints
      }))
    }))
    audit   = optional(string, "best-effort") # "required" withholds an answer whose record CloudWatch has not acknowledged
    content = optional(string, "full")        # "hashed" keeps hashes in place of prompts and answers, "metadata" keeps neither
    deployer = optional(object({              # what lets Terraform work in the accounts that are managed by the operator
      external_id = string                    # ExternalId that the deployer role demands; `make tenant` mints it
    }))
    external_ids = object({       # what the operations role demands of its caller
      current  = string           # `make tenant` mints it, never the customer
      previous = optional(string) # accepted as well while `make rotate` replaces it
    })
    guardrail = optional(object({      # every call must name this guardrail of the operations account; guardContent in a call can narrow what it looks at
      arn = string                     # ARN of the guardrail, in the Region in which the models are called
      previous = optional(object({     # accepted as well until every function uses the one above; {} accepts calls without a guardrail
        arn     = optional(string, "") # ARN of the previous guardrail
        version = optional(string, "") # number of its published version
      }))
      version = string # number of a published version
    }))
    masking = optional(set(string), [])              # CloudWatch data identifiers to mask in new records, such as EmailAddress
    models = map(object({                            # the granted models, by alias
      count_tokens = optional(bool, false)           # Bedrock may count the tokens of a prompt for this model, which is free
      destinations = optional(list(string), [])      # Regions to which the geographic profile may send a call; by default AWS's list
      fallbacks    = optional(list(string), [])      # aliases to try, in order, when Bedrock throttles or fails
      model        = string                          # the foundation model's id, without a profile's prefix
      previous = optional(object({                   # what the alias granted before; granted as well while `make model` replaces it
        count_tokens = optional(bool, false)         # as in the model itself, and so are the others
        destinations = optional(list(string), [])    # Regions to which the previous profile may send a call
        model        = string                        # the previous model's id
        profile      = optional(string)              # prefix of its geographic profile
        regions      = list(string)                  # Regions in which it may be called
        route        = optional(string, "on-demand") # its route
        streaming    = optional(bool, true)          # whether it streams
        track        = optional(bool, false)         # keeps the tenant's own profile of the previous model
      }))
      profile   = optional(string)              # prefix of the geographic profile, such as "eu."
      regions   = list(string)                  # Regions in which it may be called; the first is the default
      route     = optional(string, "on-demand") # "on-demand", "geographic" or "global"
      streaming = optional(bool, true)          # false withholds streaming, in the role and in the handler
      track     = optional(bool, false)         # calls go through a profile of the tenant's own, by which Bedrock counts tokens for quotas and gaps
    }))
    perimeter = optional(object({               # the role works only from these networks or VPC endpoints
      networks      = optional(set(string), []) # public networks in CIDR notation
      vpc_endpoints = optional(set(string), []) # ids of VPC endpoints
    }))
    quota = optional(object({               # limits of the tenant's use
      aliases = optional(map(object({       # limits of single aliases, beside those of all together; the guard enforces them
        tokens_per_day   = optional(number) # of this alias, as for all of them
        tokens_per_month = optional(number) # of this alias, as for all of them
        usd_per_month    = optional(number) # of this alias, as for all of them
      })), {})
      event_bus           = optional(string)                     # ARN of an event bus in one of the tenant's accounts, to which the guard sends what happens to its quota
      max_tokens_per_call = optional(number)                     # the handler refuses more
      requests_per_second = optional(number)                     # the handler waits between requests
      time_zone           = optional(string, "UTC")              # in which days and months begin, such as "Europe/Berlin"
      tokens_per_day      = optional(number)                     # the guard stops the tenant soon after it has used more; nothing does without operations.guard
      tokens_per_month    = optional(number)                     # the same, from the first day of a month
      usd_per_month       = optional(number)                     # US dollars, by the prices in operations.guard
      warn_at             = optional(list(number), [50, 80, 95]) # percents of each limit at which the operator and the customer are told
    }), {})
    state            = optional(string, "active")      # "suspended" denies every call; "offboarding" also removes the function, its execution role and its endpoints
    tags             = optional(map(string), {})       # tags of the tenant's resources in both accounts, beside those of the environment
    trusted_accounts = optional(set(string), [])       # other accounts whose users and roles may be readers or unmaskers; no other tenant's
    workload = optional(object({                       # the function
      architecture         = optional(string, "arm64") # "arm64" or "x86_64"
      memory_size          = optional(number)          # MB, 128 to 10,240; by default 1,024
      reserved_concurrency = optional(number)          # concurrent executions that are reserved; by default none
      retention_days       = optional(number)          # days for which CloudWatch keeps the records; by default 365
      snap_start           = optional(bool)            # starts the function from snapshots; callers then invoke its alias
      timeout              = optional(number)          # seconds for one invocation, 1 to 1800, above 900 with provider 6; by default 300
    }), {})
  }))
  nullable = false

  # nullable = false is about the map and not about what is in it. A null makes many of the next rules fail. They use try and
  # leave it to this one, so it looks at the stanzas and accounts by themselves as well: their names may be those of attributes
  # that may be left out. Asking in each rule whether there is a null took a fifth of the time of a plan.
  validation {
    condition     = !can(regex(local.a_null, replace(jsonencode(var.tenants), local.optional_nulls, ""))) && try(alltrue(flatten([for tenant in values(var.tenants) : [for account in values(tenant.accounts) : account != null]])), false)
    error_message = "Only what may be left out can be null; write a value for ${join("; ", [for name, nulls in { for name, tenant in var.tenants : name => distinct(concat(regexall(local.a_null, replace("{\"stanza\":${jsonencode(tenant)}", local.optional_nulls, "")), try([for id, account in tenant.accounts : "\"${id}\":null" if account == null], []))) } : "${name}: ${join(", ", nulls)}" if length(nulls) > 0])}."
  }

  validation {
    condition     = length([for id, names in transpose({ for name, tenant in var.tenants : name => try(keys(tenant.accounts), []) }) : id if length(names) > 1 && !contains(var.accounts_with_several_tenants, id)]) == 0
    error_message = "A customer account has one tenant; write it in one stanza only, or list it in accounts_with_several_tenants: ${join("; ", [for id, names in transpose({ for name, tenant in var.tenants : name => try(keys(tenant.accounts), []) }) : "${id} is in ${join(" and ", names)}" if length(names) > 1 && !contains(var.accounts_with_several_tenants, id)])}."
  }

  # The name is also the session name, for which STS requires at least 2 characters.
  validation {
    condition     = alltrue([for name in keys(var.tenants) : can(regex("^[a-z0-9](-?[a-z0-9])+$", name))])
    error_message = "A tenant's name consists of 2 or more lower-case letters and digits, with single hyphens between them, not ${join(", ", [for name in keys(var.tenants) : name if !can(regex("^[a-z0-9](-?[a-z0-9])+$", name))])}."
  }

  validation {
    condition     = !contains(keys(var.tenants), var.environment)
    error_message = "A tenant cannot have its environment's name, because CONFIRM=${var.environment} would mean both; rename the tenant ${var.environment}."
  }

  validation {
    condition     = length({ for name in keys(var.tenants) : lower(name) => name... }) == length(var.tenants)
    error_message = "IAM role names are case-insensitive; rename one of ${join(" and ", flatten([for names in { for name in keys(var.tenants) : lower(name) => name... } : names if length(names) > 1]))}."
  }

  validation {
    condition     = alltrue([for region in compact(flatten([for tenant in values(var.tenants) : try(values(tenant.accounts)[*].region, [])])) : can(regex(local.a_region, region))])
    error_message = "An account's region is a Region such as \"eu-central-1\"; correct ${join(", ", [for region in compact(flatten([for tenant in values(var.tenants) : try(values(tenant.accounts)[*].region, [])])) : region if !can(regex(local.a_region, region))])}."
  }

  # IAM and Lambda allow 64 characters; the execution role's name is the longest.
  validation {
    condition     = alltrue([for name in keys(var.tenants) : length("bedrock-${var.environment}-${name}-execution") <= 64])
    error_message = "IAM allows 64 characters in a role name; shorten ${join(", ", [for name in keys(var.tenants) : "${name} by ${length("bedrock-${var.environment}-${name}-execution") - 64}" if length("bedrock-${var.environment}-${name}-execution") > 64])}."
  }

  validation {
    condition     = !anytrue([for tenant in values(var.tenants) : try(contains(keys(tenant.accounts), var.operations.account_id), false)])
    error_message = "The operations account ${var.operations.account_id} cannot be a customer account, because no record may be stored in it; use the customer's own account in ${join(", ", [for name, tenant in var.tenants : name if try(contains(keys(tenant.accounts), var.operations.account_id), false)])}."
  }

  # Whoever a stanza names is the tenant's own; tools/isolation/principals.py proves the same of every text.
  validation {
    condition     = try(length(flatten([for tenants_of in [transpose({ for name, tenant in var.tenants : name => keys(tenant.accounts) })] : [for name, tenant in var.tenants : [for id in tenant.trusted_accounts : "${id} from ${name}" if !can(regex("^[0-9]{12}$", id)) || id == var.operations.account_id || length(setsubtract(try(tenants_of[id], []), [name])) > 0]]])) == 0, true)
    error_message = "trusted_accounts lists account ids of 12 digits in quotes, neither the operations account's nor another tenant's, because no tenant may name another tenant's users and roles; remove ${join(" and ", try(flatten([for tenants_of in [transpose({ for name, tenant in var.tenants : name => keys(tenant.accounts) })] : [for name, tenant in var.tenants : [for id in tenant.trusted_accounts : "${id} from ${name}" if !can(regex("^[0-9]{12}$", id)) || id == var.operations.account_id || length(setsubtract(try(tenants_of[id], []), [name])) > 0]]]), []))}."
  }

  validation {
    condition     = try(length(flatten([for name, tenant in var.tenants : [for account in values(tenant.accounts) : [for arn in setunion(account.readers, account.unmaskers) : "${arn} from ${name}" if !contains(concat(keys(tenant.accounts), tolist(tenant.trusted_accounts)), try(split(":", arn)[4], ""))]]])) == 0, true)
    error_message = "Readers and unmaskers belong to the tenant's own accounts, or to an account that the stanza lists in trusted_accounts; remove ${join(" and ", try(flatten([for name, tenant in var.tenants : [for account in values(tenant.accounts) : [for arn in setunion(account.readers, account.unmaskers) : "${arn} from ${name}" if !contains(concat(keys(tenant.accounts), tolist(tenant.trusted_accounts)), try(split(":", arn)[4], ""))]]]), []))}, or add the account to its trusted_accounts."
  }

  # The operations account assumes the deployer and the inspector, and other tenants' functions may run in the same account.
  validation {
    condition     = try(length(flatten([for name, tenant in var.tenants : [for account in values(tenant.accounts) : [for arn in setunion(account.readers, account.unmaskers) : "${arn} from ${name}" if strcontains(arn, ":role/") && (lower(basename(arn)) == lower(var.deployer_role_name) || can(regex("^bedrock-${var.environment}-.*-(execution|inspector|reader|unmasker)$", lower(basename(arn)))))]]])) == 0, true)
    error_message = "A reader or unmasker is neither the deployer nor a role of a workload, because others act as these; remove ${join(" and ", try(flatten([for name, tenant in var.tenants : [for account in values(tenant.accounts) : [for arn in setunion(account.readers, account.unmaskers) : "${arn} from ${name}" if strcontains(arn, ":role/") && (lower(basename(arn)) == lower(var.deployer_role_name) || can(regex("^bedrock-${var.environment}-.*-(execution|inspector|reader|unmasker)$", lower(basename(arn)))))]]]), []))}."
  }

  # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
  validation {
    condition     = try(length(flatten([for name, tenant in var.tenants : [for id, account in tenant.accounts : "${account.permissions_boundary} of ${name}" if !contains([id, "aws"], try(split(":", account.permissions_boundary)[4], id))]])) == 0, true)
    error_message = "A permissions boundary is a policy of the account in which it is used, or one of AWS's; correct ${join(" and ", try(flatten([for name, tenant in var.tenants : [for id, account in tenant.accounts : "${account.permissions_boundary} of ${name}" if !contains([id, "aws"], try(split(":", account.permissions_boundary)[4], id))]]), []))}."
  }

  validation {
    condition     = try(!anytrue([for tag in flatten([for name, tenant in var.tenants : [for tags in concat([tenant.tags], values(tenant.accounts)[*].tags) : [for key, text in tags : { key = key, tenant = name, text = text }]]]) : can(regex(local.a_reserved_tag, tag.key)) || !can(regex(local.a_tag, "${tag.key}\n${tag.text}"))]), true)
    error_message = "A stanza's tags have names of 1 to 128 and values of at most 256 letters, digits, spaces and _.:/=+-@ characters, and no name that the roots, the modules or AWS set: alias, deployer-digest, deployer-release, deployer-version, environment, managed-by, tenant and aws:…; correct ${join(" and ", try([for tag in flatten([for name, tenant in var.tenants : [for tags in concat([tenant.tags], values(tenant.accounts)[*].tags) : [for key, text in tags : { key = key, tenant = name, text = text }]]]) : "${tag.key} of ${tag.tenant}" if can(regex(local.a_reserved_tag, tag.key)) || !can(regex(local.a_tag, "${tag.key}\n${tag.text}"))], []))}."
  }

  validation {
    condition     = try(alltrue([for tenant in values(var.tenants) : alltrue([for tags in concat([tenant.tags], values(tenant.accounts)[*].tags) : length(tags) <= 10])]), true)
    error_message = "A stanza and an account have at most 10 tags each, since AWS allows 50 for each resource; remove some of ${join(" and ", try([for name, tenant in var.tenants : name if anytrue([for tags in concat([tenant.tags], values(tenant.accounts)[*].tags) : length(tags) > 10])], []))}."
  }

  # IAM treats the names of tags without regard to case.
  validation {
    condition     = try(length(flatten([for name, tenant in var.tenants : [for account in values(tenant.accounts) : [for keys in [keys(merge(var.tags, tenant.tags, account.tags))] : [for key in keys : "${key} of ${name}" if length([for other in keys : other if lower(other) == lower(key)]) > 1]]]])) == 0, true)
    error_message = "The names of an environment's, a stanza's and an account's tags may not differ in case alone; write one spelling for ${join(" and ", try(distinct(flatten([for name, tenant in var.tenants : [for account in values(tenant.accounts) : [for keys in [keys(merge(var.tags, tenant.tags, account.tags))] : [for key in keys : "${key} of ${name}" if length([for other in keys : other if lower(other) == lower(key)]) > 1]]]])), []))}."
  }

  # Ids are unique in AWS, so an id in two stanzas is another tenant's network, unless both share an account.
  validation {
    condition     = try(length(flatten([for network, users in { for user in flatten([for name, tenant in var.tenants : concat([for id in try(tenant.perimeter.vpc_endpoints, []) : { account = "", network = id, tenant = name }], flatten([for id, account in tenant.accounts : account.vpc == null ? [] : [for network in concat(compact([account.vpc.id]), tolist(account.vpc.security_group_ids), tolist(account.vpc.subnet_ids)) : { account = id, network = network, tenant = name }]]))]) : user.network => user... } : "${network} is in the stanzas of ${join(" and ", distinct(users[*].tenant))}" if length(distinct(users[*].tenant)) > 1 && (length(distinct(users[*].account)) > 1 || length(setintersection([for user in users : keys(var.tenants[user.tenant].accounts)]...)) == 0)])) == 0, true)
    error_message = "A VPC, subnet, security group or VPC endpoint belongs to one tenant; ${join("; ", try(flatten([for network, users in { for user in flatten([for name, tenant in var.tenants : concat([for id in try(tenant.perimeter.vpc_endpoints, []) : { account = "", network = id, tenant = name }], flatten([for id, account in tenant.accounts : account.vpc == null ? [] : [for network in concat(compact([account.vpc.id]), tolist(account.vpc.security_group_ids), tolist(account.vpc.subnet_ids)) : { account = id, network = network, tenant = name }]]))]) : user.network => user... } : "${network} is in the stanzas of ${join(" and ", distinct(users[*].tenant))}" if length(distinct(users[*].tenant)) > 1 && (length(distinct(users[*].account)) > 1 || length(setintersection([for user in users : keys(var.tenants[user.tenant].accounts)]...)) == 0)]), []))}."
  }

  validation {
    condition     = alltrue([for uses in values({ for id in flatten([for tenant in values(var.tenants) : compact([try(tenant.external_ids.current, null), try(tenant.external_ids.previous, null), try(tenant.deployer.external_id, null)])]) : id => id... }) : length(uses) == 1])
    error_message = "Every ExternalId (current, previous or the deployer's) belongs to one tenant and is used once; mint another with `openssl rand -hex 16` for ${join("; ", [for id, names in { for pair in flatten([for name, tenant in var.tenants : [for id in compact([try(tenant.external_ids.current, null), try(tenant.external_ids.previous, null), try(tenant.deployer.external_id, null)]) : { id = id, name = name }]]) : pair.id => pair.name... } : join(" and ", names) if length(names) > 1])}."
  }

  validation {
    condition     = alltrue([for tenant in values(var.tenants) : try(length(tenant.deployer.external_id) >= 16 && length(tenant.deployer.external_id) <= 1224 && can(regex("^[\\w+=,.@:/-]*$", tenant.deployer.external_id)), true)])
    error_message = "deployer.external_id has 16 to 1,224 characters, all of them letters, digits or _+=,.@:/-; mint one with `openssl rand -hex 16` for ${join(", ", [for name, tenant in var.tenants : name if !try(length(tenant.deployer.external_id) >= 16 && length(tenant.deployer.external_id) <= 1224 && can(regex("^[\\w+=,.@:/-]*$", tenant.deployer.external_id)), true)])}."
  }
}
