# Selects the tenant and the account that this state belongs to.

variable "account_id" {
  description = "The customer account, one of the tenant's accounts."
  type        = string
  nullable    = false

  validation {
    condition     = try(contains(keys(local.stanzas[var.tenant].accounts), var.account_id), true)
    error_message = "Tenant \"${var.tenant}\" has no account ${var.account_id}; add it to the stanza's accounts, or use one of ${try(join(", ", keys(local.stanzas[var.tenant].accounts)), "none")}."
  }

  validation {
    condition     = try(local.stanzas[var.tenant].accounts[var.account_id].managed_by, "operator") == "operator"
    error_message = "The account ${var.account_id} is managed by its customer, who applies what `make handover` writes; this root is for accounts whose managed_by is \"operator\"."
  }
}

variable "package_path" {
  description = "Path of the function's zip; null for the one that `make package` builds for the tenant's architecture."
  type        = string
  default     = null
  nullable    = true
}

variable "tenant" {
  description = "The tenant's name, a key of tenants."
  type        = string
  nullable    = false

  validation {
    condition     = contains(keys(local.stanzas), var.tenant)
    error_message = "There is no tenant \"${var.tenant}\"; add its stanza to environments/${var.environment}, or use one of ${join(", ", keys(local.stanzas))}."
  }

  validation {
    condition     = !contains(keys(local.stanzas), var.tenant) || try(local.stanzas[var.tenant].deployer.external_id, null) != null
    error_message = "Tenant \"${var.tenant}\" has no deployer; write deployer = { external_id = \"…\" } in its stanza, with an ExternalId from `openssl rand -hex 16`, and have the customer apply what `make deployer` prints. If the customer applies the module itself, write managed_by = \"customer\" in the account."
  }
}

locals {
  stanza   = local.stanzas[var.tenant]
  account  = local.stanza.accounts[var.account_id]
  workload = local.stanza.workload

  package_path = coalesce(
    var.package_path,
    "${path.root}/../../build/tenant-bedrock-${local.workload.architecture}-py3.13.zip",
  )
}
