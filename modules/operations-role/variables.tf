variable "customer_account_ids" {
  description = "The tenant's customer accounts, 12 digits each, whose execution roles may assume the role."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.customer_account_ids) > 0
    error_message = "Tenant ${var.tenant} has no customer account; write at least one in accounts."
  }

  validation {
    condition     = alltrue([for id in var.customer_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "Tenant ${var.tenant}: a customer account is 12 digits in quotes (a number without them loses its leading zero), not ${join(", ", [for id in var.customer_account_ids : id if !can(regex("^[0-9]{12}$", id))])}."
  }
}

variable "environment" {
  description = "The environment's name, part of every name the tenant has."
  type        = string
  nullable    = false
}

variable "external_ids" {
  description = "The ExternalIds the role accepts; previous is set only while a new one is brought in."
  type = object({
    current  = string
    previous = optional(string)
  })
  nullable = false

  # STS takes 2 to 1,224 of these characters (API_AssumeRole); 16 is the least
  # that cannot be guessed. Length apart, since RE2 ends repeats at 1,000.
  validation {
    condition = alltrue([
      for id in values(var.external_ids) : length(id) >= 16 && length(id) <= 1224 if id != null
    ])
    error_message = "Tenant ${var.tenant}: an ExternalId has 16 to 1,224 characters; mint one with `openssl rand -hex 16`."
  }

  validation {
    condition = alltrue([
      for id in values(var.external_ids) : can(regex("^[\\w+=,.@:/-]*$", id)) if id != null
    ])
    error_message = "Tenant ${var.tenant}: an ExternalId is made of letters, digits and _+=,.@:/- only; mint one with `openssl rand -hex 16`."
  }
}

variable "models" {
  description = "The models the tenant may invoke, by alias, each in the Regions named; the first Region is its default."
  type = map(object({
    model   = string
    regions = list(string)
  }))
  nullable = false

  validation {
    condition     = length(var.models) > 0
    error_message = "Tenant ${var.tenant} has no models; grant at least one, for example nova = { model = \"amazon.nova-lite-v1:0\", regions = [\"eu-central-1\"] }."
  }

  validation {
    condition     = alltrue([for alias in keys(var.models) : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", alias))])
    error_message = "Tenant ${var.tenant}: an alias is lower-case letters, digits and single hyphens, not ${join(", ", [for alias in keys(var.models) : alias if !can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", alias))])}."
  }

  # The form Bedrock gives (API_GetFoundationModel, modelIdentifier). It lets
  # neither a wildcard nor an ARN into the policy.
  validation {
    condition = alltrue([
      for granted in values(var.models) :
      can(regex("^[a-z0-9-]{1,63}([.][a-z0-9-]{1,63}){1,3}(:[a-z0-9-]{1,63}){0,2}$", granted.model))
    ])
    error_message = "Tenant ${var.tenant}: write each model by its whole id, such as amazon.nova-lite-v1:0, without an ARN or a wildcard, not ${join(", ", [for granted in values(var.models) : granted.model if !can(regex("^[a-z0-9-]{1,63}([.][a-z0-9-]{1,63}){1,3}(:[a-z0-9-]{1,63}){0,2}$", granted.model))])}."
  }

  validation {
    condition     = !anytrue([for granted in values(var.models) : can(regex("^([a-z]{2}|apac|global|us-gov)[.]", granted.model))])
    error_message = "Tenant ${var.tenant}: write the model's own id and the Regions to call it in, not an inference profile: drop the prefix of ${join(", ", [for granted in values(var.models) : granted.model if can(regex("^([a-z]{2}|apac|global|us-gov)[.]", granted.model))])}."
  }

  validation {
    condition     = alltrue([for granted in values(var.models) : length(granted.regions) > 0])
    error_message = "Tenant ${var.tenant}: name at least one Region in regions for ${join(", ", [for alias, granted in var.models : alias if length(granted.regions) == 0])}."
  }

  validation {
    condition = alltrue([
      for region in flatten(values(var.models)[*].regions) :
      can(regex("^([a-z]{2}|[a-z]{2}-(gov|iso[a-z]?)|eusc-[a-z]{2})-((north|south)?(east|west)|north|south|central)-[1-9][0-9]?$", region))
    ])
    error_message = "Tenant ${var.tenant}: a Region is written like eu-central-1, not ${join(", ", [for region in flatten(values(var.models)[*].regions) : region if !can(regex("^([a-z]{2}|[a-z]{2}-(gov|iso[a-z]?)|eusc-[a-z]{2})-((north|south)?(east|west)|north|south|central)-[1-9][0-9]?$", region))])}."
  }
}

variable "operations_account_id" {
  description = "The operations account, 12 digits, in which the role is made."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "The AWS partition of both accounts, from the root's aws_partition data source."
  type        = string
  nullable    = false
}

variable "permissions_boundary" {
  description = "ARN of a policy to set as the role's permissions boundary; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "tenant" {
  description = "The tenant's name: part of the role's name, and the only session name it accepts."
  type        = string
  nullable    = false
}
