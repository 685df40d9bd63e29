# The variables of an environment, declared once and symlinked into both roots.
# variables-tenants.tf has the rules that compare tenants with each other, also in
# the module stanzas for tenants with files of their own, and variables-patterns.tf
# the expressions that several rules share; the modules check what a single
# tenant's role or workload can be.

variable "accounts_with_several_tenants" {
  description = "Customer accounts that may be in more than one stanza. Every other account has one tenant."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.accounts_with_several_tenants : can(regex("^[0-9]{12}$", id))])
    error_message = "accounts_with_several_tenants lists account ids of 12 digits in quotes, not ${join(", ", [for id in var.accounts_with_several_tenants : id if !can(regex("^[0-9]{12}$", id))])}."
  }
}

variable "deployer_role_name" {
  description = "The deployer: the role in every customer account that Terraform assumes to manage the workload."
  type        = string
  default     = "terraform-deployer"
  nullable    = false
}

variable "environment" {
  description = "The environment's name, equal to the name of its folder and part of every resource's name."
  type        = string
  nullable    = false

  # Without hyphens, so that two pairs of environment and tenant never give the same name.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,15}$", var.environment))
    error_message = "environment is 2 to 16 lower-case letters and digits that begin with a letter, such as \"prod\", not \"${var.environment}\"."
  }
}

variable "limits" {
  description = "The AWS quotas of the operations account. Raise a number here after AWS has raised the quota."
  type = object({
    inference_profiles = optional(number, 1000) # application inference profiles in a Region, service quota L-40EC9882
    roles              = optional(number, 1000) # IAM roles, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    trust_policy       = optional(number, 2048) # characters of a trust policy, the same page
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for limit in values(var.limits) : limit >= 1 && floor(limit) == limit])
    error_message = "limits are whole numbers of 1 or more; correct ${join(", ", [for name, limit in var.limits : "${name} = ${limit}" if limit < 1 || floor(limit) != limit])}."
  }
}

variable "operations" {
  description = "The operations account, its Region, its administrators, who deploys, the guard of the quotas, the number of its states, and a permissions boundary for every tenant's role in it."
  type = object({
    account_id            = string                    # the account that owns Bedrock access and quota
    administrators        = optional(set(string), []) # ARNs of its roles, users and groups that may call Bedrock or change who may; `make prove STATE=1` names all others
    deployment_principals = optional(set(string), []) # ARNs of its users and roles that may assume the deployers of the customer accounts
    guard = optional(object({                         # what enforces the quotas of the stanzas; without it nothing does
      access_rules         = optional(bool, true)     # EventBridge rules that tell of access that no stanza explains; they need a trail
      lease_minutes        = optional(number, 30)     # with on_failure = "closed", minutes after the last complete run at which tenants with a quota are stopped
      minutes              = optional(number, 5)      # between two runs
      on_failure           = optional(string, "open") # "closed" stops every tenant with a quota if the guard does not run; "open" raises an alarm
      permissions_boundary = optional(string)         # ARN of a boundary for the guard's roles
      prices = optional(map(object({                  # US dollars for a million tokens, by the foundation model's id
        cache_read  = optional(number)                # read from a cache; by default as much as input
        cache_write = optional(number)                # written to a cache; by default as much as input
        input       = number                          # of the prompt
        output      = number                          # of the answer
      })), {})
      runbooks          = optional(string, "docs/runbooks") # where the pages of docs/runbooks are published
      tokens_per_minute = optional(map(number), {})         # the account's quota of each model in the operations Region, by the foundation model's id; where it is known, the guard reads a tenant far below its limit less often
    }))
    permissions_boundary = optional(string)    # ARN of a boundary for every tenant's role
    region               = string              # Region of the state and of the tracked profiles
    shards               = optional(number, 1) # states of the operations account, one for every 200 tenants; `make shards` moves the tenants
  })
  nullable = false

  validation {
    condition     = alltrue([for arn in var.operations.deployment_principals : can(regex("^arn:[a-z-]+:iam::${var.operations.account_id}:(role|user)/[\\w+=,.@/-]+$", coalesce(arn, "null")))])
    error_message = "operations.deployment_principals are full ARNs of users and roles of the operations account ${var.operations.account_id}, without a wildcard; correct ${join(", ", [for arn in var.operations.deployment_principals : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:iam::${var.operations.account_id}:(role|user)/[\\w+=,.@/-]+$", coalesce(arn, "null")))])}."
  }

  validation {
    condition     = try(var.operations.guard.lease_minutes >= 2 * var.operations.guard.minutes && floor(var.operations.guard.lease_minutes) == var.operations.guard.lease_minutes, true)
    error_message = "operations.guard.lease_minutes is a whole number of at least twice the minutes between two runs, so that one late run stops nobody; it is ${try(var.operations.guard.lease_minutes, "")}, with minutes = ${try(var.operations.guard.minutes, "")}."
  }

  validation {
    condition     = try(alltrue([for price in flatten([for prices in values(var.operations.guard.prices) : [for price in values(prices) : price if price != null]]) : price >= 0]), true)
    error_message = "A price in operations.guard.prices is 0 or more US dollars for a million tokens; correct ${join(", ", try([for model, prices in var.operations.guard.prices : model if anytrue([for price in values(prices) : try(price < 0, false)])], []))}."
  }

  validation {
    condition     = try(alltrue([for number in values(var.operations.guard.tokens_per_minute) : number >= 1]), true)
    error_message = "operations.guard.tokens_per_minute has numbers of 1 or more; correct ${join(", ", try([for model, number in var.operations.guard.tokens_per_minute : model if try(number < 1, true)], []))}."
  }

  validation {
    condition     = var.operations.shards >= 1 && floor(var.operations.shards) == var.operations.shards
    error_message = "operations.shards is a whole number of 1 or more, not ${var.operations.shards}."
  }

  validation {
    condition     = can(regex("^[0-9]{12}$", var.operations.account_id))
    error_message = "operations.account_id is 12 digits in quotes (a number without them loses its leading zero), not ${var.operations.account_id}."
  }

  validation {
    condition     = can(regex(local.a_region, var.operations.region))
    error_message = "operations.region is a Region such as \"eu-central-1\", not \"${var.operations.region}\"."
  }

  validation {
    condition     = alltrue([for arn in var.operations.administrators : can(regex("^arn:[a-z-]+:iam::${var.operations.account_id}:(group|role|user)/[\\w+=,.@/-]+$", arn))])
    error_message = "operations.administrators lists full ARNs of roles, users or groups of the account ${var.operations.account_id}, without a wildcard, not ${join(", ", [for arn in var.operations.administrators : arn if !can(regex("^arn:[a-z-]+:iam::${var.operations.account_id}:(group|role|user)/[\\w+=,.@/-]+$", arn))])}."
  }
}

variable "shared_between_environments" {
  description = "Account ids, ARNs of roles and users, and ids of VPCs, subnets, security groups and VPC endpoints that other environments may have too. Each environment that has one lists it; `make prove ENV=all` refuses everything else that two environments share."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.shared_between_environments : can(regex("^([0-9]{12}|arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+|(vpc|vpce|subnet|sg)-[0-9a-f]+)$", id))])
    error_message = "shared_between_environments lists account ids of 12 digits in quotes, full ARNs of roles and users, and ids of networks such as \"vpc-0123456789abcdef0\", and never an ExternalId; ${length([for id in var.shared_between_environments : id if !can(regex("^([0-9]{12}|arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+|(vpc|vpce|subnet|sg)-[0-9a-f]+)$", id))])} of its entries are none of these."
  }
}

variable "tags" {
  description = "Tags of every resource in every account, such as a cost center. A stanza's tags and an account's tags are added to them and replace those of the same name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : can(regex(local.a_reserved_tag, key))])
    error_message = "tags cannot have ${join(" and ", [for key in keys(var.tags) : key if can(regex(local.a_reserved_tag, key))])}, because the roots, the modules or AWS set them; use other names."
  }

  # AWS allows 50 for each resource, and the modules set some.
  validation {
    condition     = length(var.tags) <= 20 && alltrue([for key, text in var.tags : can(regex(local.a_tag, "${key}\n${text}"))])
    error_message = "tags has at most 20 entries with names of 1 to 128 and values of at most 256 letters, digits, spaces and _.:/=+-@ characters; correct ${length(var.tags) > 20 ? "their number" : join(" and ", [for key, text in var.tags : key if !can(regex(local.a_tag, "${key}\n${text}"))])}."
  }
}
