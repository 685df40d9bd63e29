locals {
  write_actions = ["logs:CreateLogStream", "logs:PutLogEvents"]

  execution_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaRunsTheFunction"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" } # the same in every partition
    }]
  })

  execution_permissions = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "AssumeOnlyTheTenantsRole"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = var.operations_role.arn
      },
      {
        # Without CreateLogGroup, since a group that is created by accident would be
        # unencrypted and never expire.
        Sid    = "WriteRecordsAndTheFunctionsLog"
        Effect = "Allow"
        Action = local.write_actions
        Resource = [
          "${local.function_log_group_arn}:log-stream:*",
          "${local.record_log_group_arn}:log-stream:*",
        ]
      },
      # No statement allows what these two deny. They protect the records even if
      # somebody attaches a wider policy to the role. Together they deny every action
      # of CloudWatch Logs, also one that AWS adds later, except the two above.
      {
        Sid       = "NeverAlterReadOrCopyTheRecords"
        Effect    = "Deny"
        NotAction = local.write_actions
        Resource  = local.both_log_groups
      },
      {
        Sid         = "NeverUseCloudWatchLogsElsewhere"
        Effect      = "Deny"
        Action      = "logs:*"
        NotResource = local.both_log_groups
      },
    ], local.network_statements)
  })
}

resource "aws_iam_role" "execution" {
  count = local.runs ? 1 : 0

  name                 = "${local.name}-execution"
  description          = "Lets ${local.name} act as its tenant and write its records."
  assume_role_policy   = local.execution_trust
  permissions_boundary = var.permissions_boundary

  # A static block, so that a plan shows every policy of the role: an apply removes
  # inline policies that somebody added by hand, and the proof refuses a role whose
  # policies only an apply would tell.
  inline_policy {
    name   = "execution"
    policy = local.execution_permissions
  }
}

# The policy used to be a resource of its own. It stays in place and is managed by
# the role from now on.
removed {
  from = aws_iam_role_policy.execution

  lifecycle {
    destroy = false
  }
}
