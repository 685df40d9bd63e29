# What the customer creates with modules/customer-deployer, besides the deployer
# itself: the key of the records and the boundary of the workload's roles. Their
# names are computed there in the same way.
data "aws_kms_key" "records" {
  key_id = "alias/bedrock-${var.environment}-${var.tenant}"

  lifecycle {
    postcondition {
      condition     = self.enabled && self.key_manager == "CUSTOMER"
      error_message = "The key alias/bedrock-${var.environment}-${var.tenant} in account ${var.account_id} is ${self.key_state}; the customer has to enable it, or to apply again what `make deployer` prints."
    }
  }
}

locals {
  key_arn = data.aws_kms_key.records.arn

  permissions_boundary = coalesce(
    local.account.permissions_boundary,
    "arn:${local.partition}:iam::${var.account_id}:policy/bedrock-${var.environment}-${var.tenant}-boundary",
  )
}
