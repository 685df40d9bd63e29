# In a VPC, Lambda creates the function's network interfaces with the rights of
# the execution role. The statements exist only with a VPC, name only its subnets
# and security groups, and do not apply to the function's own code:
# lambda:SourceFunctionArn is present only when that code makes the call.
# https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
locals {
  ec2_arn = "arn:${local.partition}:ec2:${local.region}:${var.account_id}"

  network_statements = concat(
    var.vpc == null ? [] : [{
      Sid    = "LambdaManagesItsNetworkInterfaces"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = concat(
        ["${local.ec2_arn}:network-interface/*"],
        [for id in sort(var.vpc.security_group_ids) : "${local.ec2_arn}:security-group/${id}"],
        [for id in sort(var.vpc.subnet_ids) : "${local.ec2_arn}:subnet/${id}"],
      )
      Condition = { Null = { "lambda:SourceFunctionArn" = "true" } }
    }],
    var.vpc == null ? [] : [{
      Sid       = "LambdaFindsItsNetworkInterfaces"
      Effect    = "Allow"
      Action    = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
      Resource  = "*" # these EC2 actions take no resource
      Condition = { Null = { "lambda:SourceFunctionArn" = "true" } }
    }],
  )
}
