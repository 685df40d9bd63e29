variable "audit" {
  description = "What to do with an answer whose record CloudWatch has not acknowledged: best-effort returns it, required withholds it."
  type        = string
  default     = "best-effort"
  nullable    = false

  validation {
    condition     = contains(["best-effort", "required"], var.audit)
    error_message = "audit is \"best-effort\" or \"required\", not \"${var.audit}\"."
  }
}

variable "content" {
  description = "What the records contain of prompts and answers: full for everything, hashed for SHA-256 hashes, metadata for nothing."
  type        = string
  default     = "full"
  nullable    = false

  validation {
    condition     = contains(["full", "hashed", "metadata"], var.content)
    error_message = "content is \"full\", \"metadata\" or \"hashed\", not \"${var.content}\"."
  }
}

variable "masking" {
  description = "CloudWatch's managed data identifiers to mask in the records, such as EmailAddress; empty to mask nothing."
  type        = set(string)
  default     = []
  nullable    = false

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-managed-data-identifiers.html
  validation {
    condition     = alltrue([for name in var.masking : can(regex("^[A-Z][A-Za-z0-9]*(-[A-Z]{2})?$", name))])
    error_message = "masking lists CloudWatch's managed data identifiers, such as \"EmailAddress\" or \"BankAccountNumber-DE\", not ${join(", ", [for name in var.masking : coalesce(name, "null") if !can(regex("^[A-Z][A-Za-z0-9]*(-[A-Z]{2})?$", name))])}."
  }
}
