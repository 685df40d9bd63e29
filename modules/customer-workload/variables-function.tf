variable "architecture" {
  description = "The processor architecture that the package was built for: arm64 or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is \"arm64\" or \"x86_64\", not \"${var.architecture}\"."
  }
}

variable "code_signing_config_arn" {
  description = "ARN of the customer's code signing configuration, which refuses code that it has not signed; null for none."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.code_signing_config_arn == null || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:${var.account_id}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "code_signing_config_arn is the ARN of a code signing configuration in account ${var.account_id}, not ${coalesce(var.code_signing_config_arn, "null")}."
  }
}

variable "memory_size" {
  description = "The function's memory in MB. Lambda allocates processor time in proportion to it."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size is a whole number of MB from 128 to 10240, not ${var.memory_size}."
  }
}

variable "package_path" {
  description = "Path of the function's zip, built for the architecture."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.package_path) || var.state == "offboarding"
    error_message = "There is no zip at ${var.package_path}; build it with `make package` first."
  }
}

variable "reserved_concurrency" {
  description = "The maximum number of concurrent executions; null for the account's own limit."
  type        = number
  default     = null
  nullable    = true

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 0 && floor(var.reserved_concurrency) == var.reserved_concurrency, false)
    error_message = "reserved_concurrency is a whole number of 0 or more; leave it out for no limit. It cannot be ${coalesce(var.reserved_concurrency, -1)}."
  }
}

variable "snap_start" {
  description = "Whether a cold start restores a snapshot of the initialized function (SnapStart). AWS charges for storing and restoring snapshots."
  type        = bool
  default     = false
  nullable    = false
}

variable "timeout" {
  description = "The maximum duration of one invocation in seconds, including the model's answer; more than 900 needs version 6 of the AWS provider."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 1800 && floor(var.timeout) == var.timeout
    error_message = "timeout is a whole number of seconds from 1 to 1800, not ${var.timeout}; more than 900 needs version 6 of the AWS provider."
  }
}

variable "usage" {
  description = "Where the guard tells how much of its quota the tenant has used, from the hand-over; null where nothing enforces a quota."
  type = object({
    parameter = string # name of the parameter of Systems Manager
    region    = string # the operations Region
  })
  default  = null
  nullable = true
}

variable "vpc" {
  description = "The subnets and security groups that the function runs in, and the VPC's id if the module should create endpoints in it; null to run outside a VPC."
  type = object({
    id                 = optional(string)
    security_group_ids = set(string)
    subnet_ids         = set(string)
  })
  default  = null
  nullable = true

  validation {
    condition     = var.vpc == null || try(length(var.vpc.security_group_ids) > 0 && length(var.vpc.subnet_ids) > 0 && alltrue([for id in setunion(var.vpc.security_group_ids, var.vpc.subnet_ids) : id != null]), false)
    error_message = "vpc needs at least one security group and one subnet; leave vpc out to run outside a VPC. None of them can be null."
  }

  validation {
    condition     = can(regex("^(vpc-[0-9a-f]{8,17})?$", try(coalesce(var.vpc.id), "")))
    error_message = "vpc.id is the id of a VPC, such as vpc-0123456789abcdef0, not ${try(coalesce(var.vpc.id), "null")}."
  }
}
