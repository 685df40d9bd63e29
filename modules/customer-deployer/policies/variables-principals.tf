variable "deployment_principals" {
  description = "ARNs of the users and roles of the operations account that deploy: operations.deployment_principals of the environment."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.deployment_principals) > 0
    error_message = "deployment_principals names at least one user or role of the operations account ${var.operations_account_id} that deploys."
  }

  validation {
    condition     = alltrue([for arn in var.deployment_principals : can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:(role|user)/[\\w+=,.@/-]+$", coalesce(arn, "null")))])
    error_message = "A deployment principal is the full ARN of one user or role of the operations account ${var.operations_account_id}, without a wildcard, not ${join(", ", [for arn in var.deployment_principals : coalesce(arn, "null") if !can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:(role|user)/[\\w+=,.@/-]+$", coalesce(arn, "null")))])}."
  }
}

variable "readers" {
  description = "ARNs of the users and roles that may read the records, as in the stanza. They decide whether the boundary allows reading."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.readers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])
    error_message = "A reader is the full ARN of one user or role, without a wildcard, not ${join(", ", [for arn in var.readers : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])}."
  }
}

variable "unmaskers" {
  description = "ARNs of the users and roles that may see masked data, as in the stanza. They decide whether the boundary allows unmasking."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.unmaskers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])
    error_message = "An unmasker is the full ARN of one user or role, without a wildcard, not ${join(", ", [for arn in var.unmaskers : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])}."
  }
}
