# Every name and ARN is computed from the variables: no data source, so that a
# plan without credentials already shows each policy whole, for many accounts,
# Regions and partitions at once.
locals {
  # modules/customer-workload and modules/operations-role compute the same name.
  name = "bedrock-${var.environment}-${var.tenant}"

  # By partition, since a module without a provider cannot ask for it:
  # https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
  dns_suffix = lookup({
    aws-cn    = "amazonaws.com.cn"
    aws-eusc  = "amazonaws.eu"
    aws-iso   = "c2s.ic.gov"
    aws-iso-b = "sc2s.sgov.gov"
    aws-iso-e = "cloud.adc-e.uk"
    aws-iso-f = "csp.hci.ic.gov"
  }, var.partition, "amazonaws.com")

  # One format for each service that has a Region in its ARNs, and one for IAM.
  regional_arn = "arn:${var.partition}:%s:${var.region}:${var.account_id}:%s"
  iam_arn      = "arn:${var.partition}:iam::%s:%s"

  operations_role_arn = format(local.iam_arn, var.operations_account_id, "role/${local.name}")
  execution_role_arn  = format(local.iam_arn, var.account_id, "role/${local.name}-execution")
  reader_role_arn     = format(local.iam_arn, var.account_id, "role/${local.name}-reader")
  unmasker_role_arn   = format(local.iam_arn, var.account_id, "role/${local.name}-unmasker")

  record_log_group_arn   = format(local.regional_arn, "logs", "log-group:/bedrock/${var.environment}/${var.tenant}/records")
  function_log_group_arn = format(local.regional_arn, "logs", "log-group:/aws/lambda/${local.name}")

  role = {
    arn         = format(local.iam_arn, var.account_id, "role/${var.role_name}")
    description = "Lets operations account ${var.operations_account_id} manage the workload of tenant ${var.tenant}."
    name        = var.role_name
  }

  # Raise the version whenever one of the documents changes; a test compares it with the
  # golden files. `make doctor` tells a customer's version by the role's tags. The digest
  # also shows a role that was made for another stanza. The release says where the role
  # came from and is not compared: most releases do not change the documents.
  version   = 2
  digest    = substr(sha256(jsonencode([local.boundary, local.key_policy, local.permissions, local.trust])), 0, 16)
  tags      = merge(var.tags, { tenant = var.tenant })
  role_tags = merge(local.tags, { deployer-digest = local.digest, deployer-release = local.release, deployer-version = tostring(local.version) })

  # environments/customer computes the same ARN for the workload's roles. The path
  # and the name of the policy are parts of it.
  boundary_arn = coalesce(var.permissions_boundary, format(local.iam_arn, var.account_id, "policy/${local.name}-boundary"))
  boundary_policy = {
    arn         = local.boundary_arn
    description = "The most that the roles of ${local.name} may do."
    name        = reverse(split("/", local.boundary_arn))[0]
    path        = regex("/(?:.*/)?", local.boundary_arn)
  }

  key = {
    alias       = "alias/${local.name}"
    description = "Encrypts the records and the function log of ${local.name}."
  }

  workload_role_arns = [local.execution_role_arn, local.reader_role_arn, local.unmasker_role_arn]
  reading_role_arns  = [local.reader_role_arn, local.unmasker_role_arn]

  # AWS writes a log group's ARN with and without a suffix:
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
  both_log_groups = [
    local.function_log_group_arn,
    "${local.function_log_group_arn}:*",
    local.record_log_group_arn,
    "${local.record_log_group_arn}:*",
  ]
}
