# Every name and ARN is computed, never read back from a resource: so each
# policy is complete in the plan, and the key's policy can name the log groups
# that are encrypted with the key.
data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # An offboarded tenant calls nothing any more; its records stay for their time.
  runs = var.state != "offboarding"

  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id # .name is deprecated in provider 6, .region absent in 5

  name               = "bedrock-${var.environment}-${var.tenant}"
  execution_role_arn = "arn:${local.partition}:iam::${var.account_id}:role/${local.name}-execution"
  reader_role_arn    = "arn:${local.partition}:iam::${var.account_id}:role/${local.name}-reader"

  record_log_group       = "/bedrock/${var.environment}/${var.tenant}/records"
  record_log_group_arn   = "arn:${local.partition}:logs:${local.region}:${var.account_id}:log-group:${local.record_log_group}"
  function_log_group     = "/aws/lambda/${local.name}"
  function_log_group_arn = "arn:${local.partition}:logs:${local.region}:${var.account_id}:log-group:${local.function_log_group}"
}
