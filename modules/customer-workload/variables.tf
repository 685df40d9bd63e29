variable "account_id" {
  description = "The customer account, 12 digits, in which everything here is made."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is 12 digits in quotes (a number without them loses its leading zero), not ${var.account_id}."
  }
}

variable "environment" {
  description = "The environment's name, part of every name made here."
  type        = string
  nullable    = false
}

variable "guardrail" {
  description = "The guardrail that every call names, from the hand-over; null for none."
  type = object({
    arn     = string
    version = string
  })
  default  = null
  nullable = true
}

variable "models" {
  description = "The models the tenant may invoke, by alias, as the hand-over names them."
  type = map(object({
    base_model_id = optional(string)
    fallbacks     = optional(list(string), [])
    model         = string
    regions       = list(string)
    streaming     = optional(bool, true)
  }))
  nullable = false

  validation {
    condition     = alltrue([for granted in values(var.models) : granted.model != null])
    error_message = "The profile of ${join(" and ", [for alias, granted in var.models : alias if granted.model == null])} is not made yet; apply the operations account for this tenant first."
  }
}

variable "operations_role" {
  description = "The tenant's role in the operations account and the ExternalId it asks for, from the hand-over."
  type = object({
    arn         = string
    external_id = string
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[\\w+=,.@-]+$", var.operations_role.arn))
    error_message = "operations_role.arn is one role's ARN, as `make handover` prints it, not ${var.operations_role.arn}."
  }
}

variable "permissions_boundary" {
  description = "ARN of a policy to set as both roles' permissions boundary; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "quota" {
  description = "How much the tenant may use, from the hand-over; what is left out is not limited."
  type = object({
    max_tokens_per_call = optional(number)
    requests_per_second = optional(number)
    tokens_per_day      = optional(number)
    tokens_per_month    = optional(number)
  })
  default  = {}
  nullable = false
}

variable "readers" {
  description = "ARNs of the users and roles that may assume the reader role; without any there is no such role."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.readers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])
    error_message = "A reader is one user's or role's whole ARN, without a wildcard, not ${join(", ", [for arn in var.readers : arn if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])}."
  }

  validation {
    condition     = !anytrue([for arn in var.readers : strcontains(arn, ":${split(":", var.operations_role.arn)[4]}:")])
    error_message = "No reader can be in the operations account ${split(":", var.operations_role.arn)[4]}: what a customer's records hold stays out of it."
  }
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
  description = "The tenant's state: active, suspended, or offboarding, which takes the function away and leaves records, key and readers."
  type        = string
  default     = "active"
  nullable    = false

  validation {
    condition     = contains(["active", "offboarding", "suspended"], var.state)
    error_message = "state is \"active\", \"suspended\" or \"offboarding\", not \"${var.state}\"."
  }
}

variable "tenant" {
  description = "The tenant's name, part of every name made here and the session name its role asks for."
  type        = string
  nullable    = false

  # IAM and Lambda take 64 characters; the execution role's name is the longest.
  validation {
    condition     = length("bedrock-${var.environment}-${var.tenant}-execution") <= 64
    error_message = "IAM allows a role name 64 characters, and bedrock-${var.environment}-${var.tenant}-execution has more; shorten tenant by ${length("bedrock-${var.environment}-${var.tenant}-execution") - 64}."
  }
}
