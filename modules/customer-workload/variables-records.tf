variable "audit" {
  description = "What becomes of an answer whose record CloudWatch has not acknowledged: best-effort returns it, required withholds it."
  type        = string
  default     = "best-effort"
  nullable    = false

  validation {
    condition     = contains(["best-effort", "required"], var.audit)
    error_message = "audit is \"best-effort\" or \"required\", not \"${var.audit}\"."
  }
}

variable "content" {
  description = "How much of prompts and answers the records hold: full, metadata for none of it, or hashed for its SHA-256."
  type        = string
  default     = "full"
  nullable    = false

  validation {
    condition     = contains(["full", "hashed", "metadata"], var.content)
    error_message = "content is \"full\", \"metadata\" or \"hashed\", not \"${var.content}\"."
  }
}

variable "masking" {
  description = "CloudWatch's names of what to mask in the records, such as EmailAddress; without any, nothing is."
  type        = set(string)
  default     = []
  nullable    = false

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-managed-data-identifiers.html
  validation {
    condition     = alltrue([for name in var.masking : can(regex("^[A-Z][A-Za-z0-9]*(-[A-Z]{2})?$", name))])
    error_message = "masking names CloudWatch's managed data identifiers, such as \"EmailAddress\" or \"BankAccountNumber-DE\", not ${join(", ", [for name in var.masking : name if !can(regex("^[A-Z][A-Za-z0-9]*(-[A-Z]{2})?$", name))])}."
  }
}

variable "unmaskers" {
  description = "ARNs of the users and roles that may assume the unmasker role; without any there is no such role."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.unmaskers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])
    error_message = "An unmasker is one user's or role's whole ARN, without a wildcard, not ${join(", ", [for arn in var.unmaskers : arn if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))])}."
  }

  validation {
    condition     = !anytrue([for arn in var.unmaskers : strcontains(arn, ":${split(":", var.operations_role.arn)[4]}:")])
    error_message = "No unmasker can be in the operations account ${split(":", var.operations_role.arn)[4]}: what a customer's records hold stays out of it."
  }
}
