variable "access_rules" {
  description = "Whether EventBridge rules tell the topic of access that no stanza explains. They need a trail that logs management events."
  type        = bool
  default     = true
  nullable    = false
}

variable "account_id" {
  description = "The operations account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is 12 digits in quotes, not ${var.account_id}."
  }
}

variable "customer_accounts" {
  description = "The accounts of the stanzas, from which tenants' roles are assumed. A rule can tell another account only from 100 or fewer."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "deployers" {
  description = "ARNs of the users and roles whose changes of roles, denials and rules are not told, because they apply the stanzas."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "environment" {
  description = "The environment's name, part of every resource's name."
  type        = string
  nullable    = false
}

variable "event_buses" {
  description = "ARNs of the customers' event buses, to which the guard sends what happens to their own quota."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "iam_events_region" {
  description = "The Region in which EventBridge has IAM's events, where rules forward them to the operations Region; null if that is this Region."
  type        = string
  default     = null
  nullable    = true
}

variable "lease_minutes" {
  description = "Minutes after the last complete run at which tenants with a quota are stopped, with on_failure = \"closed\"."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.lease_minutes >= 2 * var.minutes && floor(var.lease_minutes) == var.lease_minutes
    error_message = "lease_minutes is a whole number of at least ${2 * var.minutes}, twice the ${var.minutes} minutes between runs, not ${var.lease_minutes}; otherwise one late run would stop every tenant."
  }
}

variable "minutes" {
  description = "Minutes between two runs."
  type        = number
  default     = 5
  nullable    = false

  # CloudWatch alarms have periods of whole minutes, and at most a day in all.
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
  validation {
    condition     = var.minutes >= 1 && var.minutes <= 60 && floor(var.minutes) == var.minutes
    error_message = "minutes is a whole number from 1 to 60, not ${var.minutes}."
  }
}

variable "on_failure" {
  description = "What happens while the guard does not run: \"open\" leaves access as it is, \"closed\" stops every tenant with a quota when its lease ends."
  type        = string
  default     = "open"
  nullable    = false

  validation {
    condition     = contains(["closed", "open"], var.on_failure)
    error_message = "on_failure is \"open\" or \"closed\", not \"${var.on_failure}\"."
  }
}

variable "package_path" {
  description = "Path of the zip that `make package` builds of lambda/operations_guard."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "The partition of the account, such as \"aws\"."
  type        = string
  nullable    = false
}

variable "permissions_boundary" {
  description = "ARN of a permissions boundary for the guard's roles; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "region" {
  description = "The operations Region, in which the tenants' profiles are."
  type        = string
  nullable    = false
}

variable "runbooks" {
  description = "Where the pages of docs/runbooks are published, for the links in the sentences."
  type        = string
  default     = "docs/runbooks"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w:/.@-]{1,200}$", var.runbooks))
    error_message = "runbooks is an address of at most 200 characters such as https://example.com/runbooks, not ${var.runbooks}."
  }
}

variable "shards" {
  description = "How many schedules there are, each with other tenants. The guard does nothing for a schedule that says another number."
  type        = number
  default     = 1
  nullable    = false
}
