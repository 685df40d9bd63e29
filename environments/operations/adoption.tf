# Adopts objects that an interrupted apply created and that the state does not know.
# `make apply` finds them by their computed names and passes their ids for one plan,
# which shows each of them as an import.
# https://developer.hashicorp.com/terraform/language/import#import-multiple-resources-with-for_each

variable "adopted" {
  description = "Ids of objects that exist and that the state does not know, by the address at which they are adopted."
  type        = map(string)
  default     = {}
  nullable    = false
}

locals {
  # The texts in quotes of an address: the tenant and, for a profile, the alias.
  adopted_keys     = { for address, id in var.adopted : address => flatten(regexall("\"([^\"]+)\"", address)) }
  adopted_profiles = { for address, id in var.adopted : address => { alias = local.adopted_keys[address][1], id = id, tenant = local.adopted_keys[address][0] } if strcontains(address, "].aws_bedrock_inference_profile.tracked[") }
  adopted_roles    = { for address, id in var.adopted : local.adopted_keys[address][0] => id if endswith(address, "].aws_iam_role.this") }
}

import {
  for_each = local.adopted_profiles
  to       = module.operations_role[each.value.tenant].aws_bedrock_inference_profile.tracked[each.value.alias]
  id       = each.value.id
}

import {
  for_each = local.adopted_roles
  to       = module.operations_role[each.key].aws_iam_role.this
  id       = each.value
}
