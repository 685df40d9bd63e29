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
  workload_address = "module.customer_workload"

  # The ids by the key of the resource's instance.
  adopted_endpoints = { for address, id in var.adopted : regex("\"([^\"]+)\"", address)[0] => id if startswith(address, "${local.workload_address}.aws_vpc_endpoint.this[") }
  adopted_readers   = { for address, id in var.adopted : regex("\"([^\"]+)\"", address)[0] => id if startswith(address, "${local.workload_address}.aws_iam_role.reader[") }
}

import {
  for_each = { for address, id in var.adopted : id => id if address == "${local.workload_address}.aws_cloudwatch_log_group.function" }
  to       = module.customer_workload.aws_cloudwatch_log_group.function
  id       = each.value
}

import {
  for_each = { for address, id in var.adopted : id => id if address == "${local.workload_address}.aws_cloudwatch_log_group.records" }
  to       = module.customer_workload.aws_cloudwatch_log_group.records
  id       = each.value
}

import {
  for_each = { for address, id in var.adopted : id => id if address == "${local.workload_address}.aws_iam_role.execution[0]" }
  to       = module.customer_workload.aws_iam_role.execution[0]
  id       = each.value
}

import {
  for_each = local.adopted_readers
  to       = module.customer_workload.aws_iam_role.reader[each.key]
  id       = each.value
}

import {
  for_each = { for address, id in var.adopted : id => id if address == "${local.workload_address}.aws_lambda_alias.live[0]" }
  to       = module.customer_workload.aws_lambda_alias.live[0]
  id       = each.value
}

import {
  for_each = { for address, id in var.adopted : id => id if address == "${local.workload_address}.aws_lambda_function.this[0]" }
  to       = module.customer_workload.aws_lambda_function.this[0]
  id       = each.value
}

import {
  for_each = local.adopted_endpoints
  to       = module.customer_workload.aws_vpc_endpoint.this[each.key]
  id       = each.value
}
