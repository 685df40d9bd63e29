data "aws_partition" "current" {}

# The state is split, because Terraform resolves each reference among the roles of
# all tenants in a state: the time of a plan grows with the square of their number.
# Each shard has the stanzas of all tenants, so that the rules compare all of them.
variable "shard" {
  description = "The shard that is planned, from 0. The commands plan all of them."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.shard >= 0 && var.shard < var.operations.shards && floor(var.shard) == var.shard
    error_message = "shard is a number from 0 to ${var.operations.shards - 1}, not ${var.shard}."
  }

  validation {
    condition     = length([for name in keys(local.stanzas) : name if parseint(substr(sha256(name), 0, 8), 16) % var.operations.shards == var.shard]) <= 250
    error_message = "Shard ${var.shard} would have more than 250 of the ${length(local.stanzas)} tenants, and a plan of it would take minutes; write shards = ${max(ceil(length(local.stanzas) / 200), var.operations.shards + 1)} in operations, and run `make shards ENV=${var.environment}`."
  }
}

locals {
  # tools/environment/tenant_shard.py computes the same.
  tenants = { for name, tenant in local.stanzas : name => tenant if parseint(substr(sha256(name), 0, 8), 16) % var.operations.shards == var.shard }
}

module "operations_role" {
  source   = "../../modules/operations-role"
  for_each = local.tenants

  operations = {
    account_id           = var.operations.account_id
    environment          = var.environment
    guard                = local.guard == null ? null : { priced_models = keys(local.guard.prices) }
    partition            = data.aws_partition.current.partition
    permissions_boundary = var.operations.permissions_boundary
    region               = var.operations.region
    trust_policy_limit   = var.limits.trust_policy
  }
  stanza = each.value
  tenant = each.key
}
