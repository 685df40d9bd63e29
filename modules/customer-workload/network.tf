# What Lambda needs to put the function into a VPC: only when there is one,
# only its subnets and security groups, and only for Lambda itself.
# lambda:SourceFunctionArn is present when the function's own code calls:
# https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
locals {
  _ec2_arn = "arn:${local.partition}:ec2:${local.region}:${var.account_id}"

  network_statements = flatten([for vpc in var.vpc[*] : [
    {
      Sid    = "LambdaManagesItsNetworkInterfaces"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = concat(
        ["${local._ec2_arn}:network-interface/*"],
        [for id in sort(vpc.security_group_ids) : "${local._ec2_arn}:security-group/${id}"],
        [for id in sort(vpc.subnet_ids) : "${local._ec2_arn}:subnet/${id}"],
      )
      Condition = { Null = { "lambda:SourceFunctionArn" = "true" } }
    },
    {
      Sid       = "LambdaFindsItsNetworkInterfaces"
      Effect    = "Allow"
      Action    = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
      Resource  = "*" # EC2 describes have no resource to name
      Condition = { Null = { "lambda:SourceFunctionArn" = "true" } }
    },
  ]])
}
