# The maximum permissions of the workload's roles, which the deployer writes and
# cannot exceed. It cannot change the boundary itself.
#
# The deployer writes the trust policy of the reader roles too, so where readers are
# named it could name another reader; without readers, nothing that Terraform
# creates can read a record, and without unmaskers nothing can lift a mask.
locals {
  ec2_arn = format(local.regional_arn, "ec2", "%s")

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
        # Lambda places a function only where the execution role may create network
        # interfaces, so it can be in no other subnets and security groups.
        Sid    = "LambdaManagesItsNetworkInterfaces"
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses",
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:UnassignPrivateIpAddresses",
        ]
        Resource = concat(
          [format(local.ec2_arn, "network-interface/*")],
          [for id in sort(var.vpc.security_group_ids) : format(local.ec2_arn, "security-group/${id}")],
          [for id in sort(var.vpc.subnet_ids) : format(local.ec2_arn, "subnet/${id}")],
        )
      }],
      var.vpc == null ? [] : [{
        Sid      = "LambdaFindsItsNetworkInterfaces"
        Effect   = "Allow"
        Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
        Resource = ["*"] # these EC2 actions take no resource
      }],
      # Only the reader roles: the function's code could otherwise read with a policy
      # that the deployer writes.
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
        Resource  = local.both_log_groups
        Condition = { ArnEquals = { "aws:PrincipalArn" = local.reading_role_arns } }
      }],
      length(var.unmaskers) == 0 ? [] : [{
        Sid       = "UnmaskersSeeWhatIsMasked"
        Effect    = "Allow"
        Action    = ["logs:Unmask"]
        Resource  = local.both_log_groups
        Condition = { ArnEquals = { "aws:PrincipalArn" = local.unmasker_role_arn } }
      }],
    )
  })
}
