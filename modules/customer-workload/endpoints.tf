# With vpc.id, ways out of the VPC that lead to three services and, by their
# policies, to nothing there but the tenant's own work. A VPC that has endpoints
# of its own for them keeps those: leave id out.
# https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
locals {
  # Bedrock is called in the model's Region, an endpoint serves its own.
  _bedrock = [for region in distinct(flatten(values(var.models)[*].regions)) : "bedrock-runtime" if region == local.region]

  endpoint_statements = {
    bedrock-runtime = concat(
      [{
        Sid       = "OnlyTheTenantsRoleInvokesModels"
        Effect    = "Allow"
        Action    = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Principal = "*"
        Resource  = "*" # which models is said in the role's own policy
        Condition = { ArnEquals = { "aws:PrincipalArn" = var.operations_role.arn } }
      }],
      [for guardrail in var.guardrail[*] : {
        Sid       = "OnlyTheTenantsRoleAppliesItsGuardrail"
        Effect    = "Allow"
        Action    = ["bedrock:ApplyGuardrail"]
        Principal = "*"
        Resource  = guardrail.arn
        Condition = { ArnEquals = { "aws:PrincipalArn" = var.operations_role.arn } }
      }],
    )

    logs = [{
      Sid       = "OnlyTheFunctionWritesItsTwoGroups"
      Effect    = "Allow"
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Principal = "*"
      Resource = [
        "${local.function_log_group_arn}:log-stream:*",
        "${local.record_log_group_arn}:log-stream:*",
      ]
      Condition = { ArnEquals = { "aws:PrincipalArn" = local.execution_role_arn } }
    }]

    sts = [{
      Sid       = "OnlyTheFunctionAssumesTheTenantsRole"
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = "*"
      Resource  = var.operations_role.arn
      Condition = { ArnEquals = { "aws:PrincipalArn" = local.execution_role_arn } }
    }]
  }
}

resource "aws_vpc_endpoint" "this" {
  for_each = toset(local.runs && try(var.vpc.id, null) != null ? concat(local._bedrock, ["logs", "sts"]) : [])

  vpc_id              = var.vpc.id
  service_name        = "${data.aws_partition.current.reverse_dns_prefix}.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  security_group_ids  = var.vpc.security_group_ids
  subnet_ids          = var.vpc.subnet_ids

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.endpoint_statements[each.key]
  })

  tags = { Name = "${local.name}-${each.key}" }
}
