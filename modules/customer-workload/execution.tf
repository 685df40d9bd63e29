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
    Statement = concat(
      local.runs ? [{
        Sid      = "AssumeOnlyTheTenantsRole"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = var.operations_role.arn
      }] : [],
      local.runs ? [{
        # Without CreateLogGroup, since a group that is created by accident would be
        # unencrypted and never expire.
        Sid    = "WriteRecordsAndTheFunctionsLog"
        Effect = "Allow"
        Action = local.write_actions
        Resource = [
          "${local.function_log_group_arn}:log-stream:*",
          "${local.record_log_group_arn}:log-stream:*",
        ]
      }] : [],
      [
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
      ],
      local.network_statements,
    )
  })
}

resource "aws_iam_role" "execution" {
  count = local.has_execution_role ? 1 : 0

  name                 = "${local.name}-execution"
  description          = "Lets ${local.name} act as its tenant and write its records."
  assume_role_policy   = local.execution_trust
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

# An edit is one PutRolePolicy, which replaces the policy at once. The inline_policy
# block of the role would delete the policy first, and calls and records would be
# refused in between.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
resource "aws_iam_role_policy" "execution" {
  count = local.has_execution_role ? 1 : 0

  name   = "execution"
  role   = aws_iam_role.execution[0].name
  policy = local.execution_permissions
}

# A plan shows the policies that somebody added by hand, and an apply removes them.
# The name comes from the policy because the provider can put a missing policy only
# there: this resource knows its name and not its text.
resource "aws_iam_role_policies_exclusive" "execution" {
  count = local.has_execution_role ? 1 : 0

  role_name    = aws_iam_role.execution[0].name
  policy_names = [aws_iam_role_policy.execution[0].name]
}

resource "aws_iam_role_policy_attachments_exclusive" "execution" {
  count = local.has_execution_role ? 1 : 0

  role_name   = aws_iam_role.execution[0].name
  policy_arns = []
}
