# What the roots pass beside the stanzas: the variables that the rules of
# variables-tenants.tf compare stanzas with, and the files that stanzas come from.

variable "accounts_with_several_tenants" {
  description = "Customer accounts that may be in more than one stanza."
  type        = set(string)
  nullable    = false
}

variable "deployer_role_name" {
  description = "The deployer: the role in every customer account that Terraform assumes."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "The environment's name, which is part of every resource's name."
  type        = string
  nullable    = false
}

# tools/environment/tenant_files.py refuses the same files.
variable "files" {
  description = "Every file in the environment's folder, by its path from there."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length([for file in var.files : file if !can(regex(local.a_read_file, file)) && can(regex(local.an_ignored_file, file))]) == 0
    error_message = "These files in environments/${var.environment} would be ignored: ${join(", ", [for file in var.files : file if !can(regex(local.a_read_file, file)) && can(regex(local.an_ignored_file, file))])}. A tenant's file is tenants/<name>.tfvars or tenants/<name>.tfvars.json, whose name is 2 or more lower-case letters and digits with single hyphens between them, and everything else is in terraform.tfvars; rename, move or remove them."
  }
}

variable "operations" {
  description = "The operations account."
  type        = object({ account_id = string })
  nullable    = false
}

variable "places" {
  description = "Where the stanza of each tenant is, as paths from the environment's folder."
  type        = map(list(string))
  nullable    = false

  validation {
    condition     = alltrue([for places in values(var.places) : length(places) == 1])
    error_message = "A tenant has one stanza; remove all but one of ${join("; ", [for name, places in var.places : "${name} in ${join(" and ", places)}" if length(places) > 1])}, in environments/${var.environment}."
  }
}

variable "tags" {
  description = "Tags of every resource in every account."
  type        = map(string)
  nullable    = false
}

variable "unreadable_files" {
  description = "The tenants' files that are no HCL or JSON."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.unreadable_files) == 0
    error_message = "A tenant's file has the attributes of its stanza, as HCL or, in a .tfvars.json, as one JSON object; correct ${join(", ", var.unreadable_files)} in environments/${var.environment}. `terraform fmt -check` shows where HCL is wrong."
  }
}
