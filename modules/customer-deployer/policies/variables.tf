variable "account_id" {
  description = "The customer account, 12 digits, in which the role is created."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is 12 digits in quotes (a number without them loses its leading zero), not ${var.account_id}."
  }

  validation {
    condition     = var.account_id != var.operations_account_id
    error_message = "account_id is the customer's own account and not the operations account ${var.operations_account_id}."
  }
}

variable "code_signing_config_arn" {
  description = "ARN of the customer's code signing configuration, without which the role cannot create the function; null for none."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.code_signing_config_arn == null || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:${var.account_id}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "code_signing_config_arn is the ARN of a code signing configuration in account ${var.account_id}, not ${coalesce(var.code_signing_config_arn, "null")}."
  }
}

variable "environment" {
  description = "The environment's name, part of the name of everything that the role may manage."
  type        = string
  nullable    = false

  # The name is part of ARNs, in which * and ? would stand for other names.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,15}$", var.environment))
    error_message = "environment is 2 to 16 lower-case letters and digits that begin with a letter, such as \"prod\", not \"${var.environment}\"."
  }
}

variable "external_id" {
  description = "The ExternalId that the role's trust policy requires: deployer.external_id of the tenant's stanza."
  type        = string
  nullable    = false

  # STS accepts 2 to 1,224 of these characters (API_AssumeRole); fewer than 16
  # could be guessed. The length is tested by itself because RE2 repeats at most
  # 1,000 times.
  validation {
    condition     = length(var.external_id) >= 16 && length(var.external_id) <= 1224
    error_message = "external_id has 16 to 1,224 characters; use deployer.external_id of the tenant's stanza."
  }

  validation {
    condition     = can(regex("^[\\w+=,.@:/-]*$", var.external_id))
    error_message = "external_id consists of letters, digits and _+=,.@:/- only; use deployer.external_id of the tenant's stanza."
  }
}

variable "operations_account_id" {
  description = "The operations account, 12 digits, whose principals assume the role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.operations_account_id))
    error_message = "operations_account_id is 12 digits in quotes (a number without them loses its leading zero), not ${var.operations_account_id}."
  }
}

variable "partition" {
  description = "The AWS partition of both accounts."
  type        = string
  default     = "aws"
  nullable    = false

  validation {
    condition     = can(regex("^aws(-[a-z]+)*$", var.partition))
    error_message = "partition is the second part of an ARN, such as \"aws\" or \"aws-us-gov\", not \"${var.partition}\"."
  }
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary that the workload's roles must have; the module creates the policy. Null for bedrock-<environment>-<tenant>-boundary."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:${var.partition}:iam::${var.account_id}:policy/([\\w+=,.@-]+/)*[\\w+=,.@-]+$", var.permissions_boundary))
    error_message = "permissions_boundary is the ARN of a policy in the customer account, such as arn:${var.partition}:iam::${var.account_id}:policy/workload-boundary, not ${coalesce(var.permissions_boundary, "null")}."
  }
}

variable "region" {
  description = "The Region of the workload and its records."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z]{2}|[a-z]{2}-(gov|iso[a-z]?)|eusc-[a-z]{2})-((north|south)?(east|west)|north|south|central)-[1-9][0-9]?$", var.region))
    error_message = "region is a Region such as \"eu-central-1\", not \"${var.region}\"."
  }
}

variable "role_name" {
  description = "The role's name: deployer_role_name of the environment."
  type        = string
  default     = "terraform-deployer"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,64}$", var.role_name))
    error_message = "role_name has 1 to 64 letters, digits and _+=,.@- characters, not \"${var.role_name}\"."
  }
}

variable "tenant" {
  description = "The tenant's name, part of the name of everything that the role may manage."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])+$", var.tenant))
    error_message = "tenant consists of 2 or more lower-case letters and digits, with single hyphens between them, not \"${var.tenant}\"."
  }
}

variable "vpc" {
  description = "The subnets and security groups that the function runs in, and the VPC's id if endpoints are created in it, as in the stanza; null for none."
  type = object({
    id                 = optional(string)
    security_group_ids = set(string)
    subnet_ids         = set(string)
  })
  default  = null
  nullable = true

  # Without them, the network rights would apply to no network. modules/customer-workload has the same rule.
  validation {
    condition     = var.vpc == null || try(length(var.vpc.security_group_ids) > 0 && length(var.vpc.subnet_ids) > 0 && alltrue([for id in setunion(var.vpc.security_group_ids, var.vpc.subnet_ids) : id != null]), false)
    error_message = "vpc needs at least one security group and one subnet; leave vpc out if the function runs outside a VPC. None of them can be null."
  }
  # The ids are parts of ARNs too.
  validation {
    condition     = var.vpc == null || try(alltrue([for id in concat(var.vpc.id == null ? [] : [var.vpc.id], tolist(setunion(var.vpc.security_group_ids, var.vpc.subnet_ids))) : can(regex("^(sg|subnet|vpc)-[0-9a-f]+$", id))]), true)
    error_message = "vpc has the ids of AWS, such as vpc-0123456789abcdef0, sg-0123456789abcdef0 and subnet-0123456789abcdef0, not ${try(join(", ", [for id in concat(var.vpc.id == null ? [] : [var.vpc.id], tolist(setunion(var.vpc.security_group_ids, var.vpc.subnet_ids))) : id if !can(regex("^(sg|subnet|vpc)-[0-9a-f]+$", id))]), "null")}."
  }
}
