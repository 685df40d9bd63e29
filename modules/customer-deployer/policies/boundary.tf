# The maximum permissions of the workload's roles. The deployer writes the trust
# policy of the reader role too, so where readers are named it could name another
# reader; without readers, nothing that Terraform creates can read a record, and
# without unmaskers nothing can lift a mask.
locals {
  boundary = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "AssumeOnlyTheTenantsRole"
          Effect   = "Allow"
          Action   = ["sts:AssumeRole"]
          Resource = [local.operations_role_arn]
        },
        {
          Sid      = "WriteRecordsAndTheFunctionsLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${local.function_log_group_arn}:log-stream:*", "${local.record_log_group_arn}:log-stream:*"]
        },
      ],
      var.vpc == null ? [] : [{
        Sid    = "LambdaManagesItsNetworkInterfaces"
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses",
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:UnassignPrivateIpAddresses",
        ]
        Resource = ["*"]
      }],
      length(var.readers) + length(var.unmaskers) == 0 ? [] : [{
        Sid    = "ReadersReadTheRecords"
        Effect = "Allow"
        Action = [
          "logs:DescribeLogStreams",
          "logs:FilterLogEvents",
          "logs:GetLogEvents",
          "logs:GetQueryResults",
          "logs:StartQuery",
        ]
        Resource = local.both_log_groups
      }],
      length(var.unmaskers) == 0 ? [] : [{
        Sid      = "UnmaskersSeeWhatIsMasked"
        Effect   = "Allow"
        Action   = ["logs:Unmask"]
        Resource = local.both_log_groups
      }],
    )
  })

  both_log_groups = [
    local.function_log_group_arn,
    local.record_log_group_arn,
    "${local.function_log_group_arn}:*",
    "${local.record_log_group_arn}:*",
  ]
}
