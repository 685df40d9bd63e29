# Every name and ARN is computed and never read back from a resource. So the plan
# shows each policy whole, and the key policy can name the log groups that are
# encrypted with the key.
data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # An offboarded tenant makes no calls; its records stay until their retention ends.
  runs = var.state != "offboarding"

  # In a VPC, Lambda deletes the function's network interfaces up to 20 minutes or more after
  # the function, with the rights of the execution role, so that role stays. `make destroy`
  # removes it once the interfaces are gone.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
  has_execution_role = local.runs || var.vpc != null

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
