variable "readers" {
  description = "ARNs of the users and roles that may assume the reader role. The role is created only if there are any."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.readers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])
    error_message = "A reader is the full ARN of one user or role, without a wildcard, not ${join(", ", [for arn in var.readers : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])}."
  }

  validation {
    condition     = !anytrue([for arn in var.readers : try(strcontains(arn, ":${split(":", var.operations_role.arn)[4]}:"), false)])
    error_message = "A reader cannot be in the operations account ${try(split(":", var.operations_role.arn)[4], "")}, which must never see a customer's records."
  }

  validation {
    condition     = alltrue([for arn in var.readers : contains(concat([var.account_id], tolist(var.trusted_accounts)), try(split(":", arn)[4], var.account_id)) && try(split(":", arn)[1] == split(":", var.operations_role.arn)[1], true)])
    error_message = "A reader is in the account ${var.account_id}, or in an account of the same partition that trusted_accounts lists, not ${join(", ", [for arn in var.readers : coalesce(arn, "null") if !(contains(concat([var.account_id], tolist(var.trusted_accounts)), try(split(":", arn)[4], var.account_id)) && try(split(":", arn)[1] == split(":", var.operations_role.arn)[1], true))])}."
  }

  validation {
    condition     = !anytrue([for arn in var.readers : can(regex(":role/(.*/)?bedrock-${var.environment}-.*-(execution|reader|unmasker)$", arn))])
    error_message = "A reader is not a role of a workload, as which a function or a reader acts; remove ${join(", ", [for arn in var.readers : coalesce(arn, "null") if can(regex(":role/(.*/)?bedrock-${var.environment}-.*-(execution|reader|unmasker)$", arn))])}."
  }
}

variable "trusted_accounts" {
  description = "Accounts beside account_id whose users and roles may be readers or unmaskers. The operations account is never one of them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.trusted_accounts : can(regex("^[0-9]{12}$", id))])
    error_message = "trusted_accounts lists account ids of 12 digits in quotes, not ${join(", ", [for id in var.trusted_accounts : coalesce(id, "null") if !can(regex("^[0-9]{12}$", id))])}."
  }
}

variable "unmaskers" {
  description = "ARNs of the users and roles that may assume the unmasker role. The role is created only if there are any."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.unmaskers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])
    error_message = "An unmasker is the full ARN of one user or role, without a wildcard, not ${join(", ", [for arn in var.unmaskers : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])}."
  }

  validation {
    condition     = !anytrue([for arn in var.unmaskers : try(strcontains(arn, ":${split(":", var.operations_role.arn)[4]}:"), false)])
    error_message = "An unmasker cannot be in the operations account ${try(split(":", var.operations_role.arn)[4], "")}, which must never see a customer's records."
  }

  validation {
    condition     = alltrue([for arn in var.unmaskers : contains(concat([var.account_id], tolist(var.trusted_accounts)), try(split(":", arn)[4], var.account_id)) && try(split(":", arn)[1] == split(":", var.operations_role.arn)[1], true)])
    error_message = "An unmasker is in the account ${var.account_id}, or in an account of the same partition that trusted_accounts lists, not ${join(", ", [for arn in var.unmaskers : coalesce(arn, "null") if !(contains(concat([var.account_id], tolist(var.trusted_accounts)), try(split(":", arn)[4], var.account_id)) && try(split(":", arn)[1] == split(":", var.operations_role.arn)[1], true))])}."
  }

  validation {
    condition     = !anytrue([for arn in var.unmaskers : can(regex(":role/(.*/)?bedrock-${var.environment}-.*-(execution|reader|unmasker)$", arn))])
    error_message = "An unmasker is not a role of a workload, as which a function or a reader acts; remove ${join(", ", [for arn in var.unmaskers : coalesce(arn, "null") if can(regex(":role/(.*/)?bedrock-${var.environment}-.*-(execution|reader|unmasker)$", arn))])}."
  }
}
