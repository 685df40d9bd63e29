variable "account_id" {
  description = "The customer account, 12 digits, in which everything is created."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is 12 digits in quotes (a number without them loses its leading zero), not ${var.account_id}."
  }
}

variable "environment" {
  description = "The environment's name, part of the name of every resource."
  type        = string
  nullable    = false
}

variable "guardrail" {
  description = "The guardrail that every call must use, from the hand-over; null for none."
  type = object({
    arn     = string
    version = string
  })
  default  = null
  nullable = true

  validation {
    condition     = var.guardrail == null || can(regex("^arn:[a-z-]+:bedrock:[a-z0-9-]+:[0-9]{12}:guardrail/[a-z0-9]+$", var.guardrail.arn)) && can(regex("^[1-9][0-9]{0,7}$", var.guardrail.version))
    error_message = "guardrail has the arn and the version of the hand-over; leave guardrail out if the hand-over has none."
  }
}

variable "key_arn" {
  description = "ARN of the key that encrypts both log groups, as modules/customer-deployer creates it; null to create one."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:${var.account_id}:key/[a-zA-Z0-9-]+$", var.key_arn))
    error_message = "key_arn is the ARN of a key in account ${var.account_id} and not of an alias, as modules/customer-deployer puts it out, not ${coalesce(var.key_arn, "null")}."
  }
}

variable "models" {
  description = "The models that the tenant may invoke, by alias, from the hand-over."
  type = map(object({
    base_model_id = optional(string)
    count_tokens  = optional(bool, false)
    fallbacks     = optional(list(string), [])
    model         = string
    regions       = list(string)
    streaming     = optional(bool, true)
  }))
  nullable = false

  validation {
    condition     = alltrue([for model in values(var.models) : try(model.model != null, true)])
    error_message = "The inference profile of ${join(" and ", [for alias, model in var.models : alias if try(model.model == null, false)])} does not exist yet; apply the operations account for this tenant first."
  }

  validation {
    condition     = alltrue([for model in values(var.models) : try(length(model.regions) > 0 && alltrue([for name in concat(model.regions, model.fallbacks) : name != null]), false)])
    error_message = "A model has at least one Region, and null is neither a Region nor a fallback; use the models of the hand-over for ${join(" and ", [for alias, model in var.models : alias if !try(length(model.regions) > 0 && alltrue([for name in concat(model.regions, model.fallbacks) : name != null]), false)])}."
  }
}

variable "operations_role" {
  description = "The tenant's role in the operations account and the ExternalId that it requires, from the hand-over."
  type = object({
    arn         = string
    external_id = string
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[\\w+=,.@-]+$", var.operations_role.arn))
    error_message = "operations_role.arn is the ARN of one role, as `make handover` prints it, not ${coalesce(var.operations_role.arn, "null")}."
  }

  # modules/operations-role has the same rules.
  validation {
    condition     = can(regex("^[\\w+=,.@:/-]{16}[\\w+=,.@:/-]*$", var.operations_role.external_id)) && try(length(var.operations_role.external_id) <= 1224, false)
    error_message = "operations_role.external_id has 16 to 1,224 characters, all of them letters, digits or _+=,.@:/-; use the ExternalId of the hand-over."
  }
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of every role; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "quota" {
  description = "How much the tenant may use, from the hand-over. A limit that is left out does not apply."
  type = object({
    max_tokens_per_call = optional(number)
    requests_per_second = optional(number)
    tokens_per_day      = optional(number)
    tokens_per_month    = optional(number)
  })
  default  = {}
  nullable = false
}

variable "retention_days" {
  description = "How many days CloudWatch keeps the records and the function's log."
  type        = number
  default     = 365
  nullable    = false

  # CloudWatch Logs, API_PutRetentionPolicy.
  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
      1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.retention_days)
    error_message = "retention_days is one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653, not ${var.retention_days}."
  }
}

variable "state" {
  description = "The tenant's state: active, suspended or offboarding. Offboarding removes the function and keeps the records, their key and the readers."
  type        = string
  default     = "active"
  nullable    = false

  validation {
    condition     = contains(["active", "offboarding", "suspended"], var.state)
    error_message = "state is \"active\", \"suspended\" or \"offboarding\", not \"${var.state}\"."
  }
}

variable "tenant" {
  description = "The tenant's name, part of the name of every resource and the session name that its role requires."
  type        = string
  nullable    = false

  # IAM and Lambda allow 64 characters; the execution role's name is the longest.
  validation {
    condition     = length("bedrock-${var.environment}-${var.tenant}-execution") <= 64
    error_message = "IAM allows 64 characters in a role name, and bedrock-${var.environment}-${var.tenant}-execution has more; shorten tenant by ${length("bedrock-${var.environment}-${var.tenant}-execution") - 64}."
  }
}
