variable "architecture" {
  description = "The processor the package was built for: arm64 or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is \"arm64\" or \"x86_64\", not \"${var.architecture}\"."
  }
}

variable "memory_size" {
  description = "The function's memory in MB; processor time grows with it."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size is a whole number of MB from 128 to 10240, not ${var.memory_size}."
  }
}

variable "package_path" {
  description = "The zip to run, built for the architecture."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.package_path) || var.state == "offboarding"
    error_message = "There is no zip at ${var.package_path}; build it with `make package` first."
  }
}

variable "reserved_concurrency" {
  description = "The most copies of the function that may run at once; null for the account's own limit."
  type        = number
  default     = null
  nullable    = true

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 0 && floor(var.reserved_concurrency) == var.reserved_concurrency, false)
    error_message = "reserved_concurrency is a whole number of 0 or more, or left out, not ${coalesce(var.reserved_concurrency, -1)}."
  }
}

variable "snap_start" {
  description = "Whether a cold start restores a snapshot of the loaded function instead of loading it; AWS charges for keeping and restoring it."
  type        = bool
  default     = false
  nullable    = false
}

variable "timeout" {
  description = "The seconds one call may take, the model's answer included."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "timeout is a whole number of seconds from 1 to 900, not ${var.timeout}."
  }
}

variable "vpc" {
  description = "The subnets and security groups to run the function in, and the VPC's id to have endpoints made in it; null for none."
  type = object({
    id                 = optional(string)
    security_group_ids = set(string)
    subnet_ids         = set(string)
  })
  default  = null
  nullable = true

  validation {
    condition     = var.vpc == null || try(length(var.vpc.security_group_ids) > 0 && length(var.vpc.subnet_ids) > 0, false)
    error_message = "vpc needs at least one of each: security_group_ids and subnet_ids; leave vpc out to run without one."
  }

  validation {
    condition     = can(regex("^(vpc-[0-9a-f]{8,17})?$", try(coalesce(var.vpc.id), "")))
    error_message = "vpc.id is a VPC's id, such as vpc-0123456789abcdef0, or left out, not ${try(coalesce(var.vpc.id), "null")}."
  }
}
