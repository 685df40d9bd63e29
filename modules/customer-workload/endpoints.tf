# With vpc.id, the module creates VPC endpoints for the services that the
# function calls. Their policies allow what a function of the tenant can do and
# nothing else.
# In a VPC that already has endpoints for these services, leave id out.
# https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
locals {
  creates_endpoints = local.runs && try(var.vpc.id != null, false)

  # An endpoint serves its own Region only, and Bedrock is called in the model's.
  invokes_in_region = contains(flatten(values(var.models)[*].regions), local.region)
  endpoint_services = concat(local.invokes_in_region ? ["bedrock-runtime"] : [], ["logs", "sts"])

  endpoint_statements = {
    # The role's own policy limits the models, the project, the guardrail and the
    # actions. It can accept a previous model or guardrail, so this one does not repeat
    # them: Terraform changes endpoint and function in any order, and calls go on meanwhile.
    bedrock-runtime = [{
      Sid    = "OnlyTheTenantsRoleInvokesModels"
      Effect = "Allow"
      Action = [
        "bedrock:ApplyGuardrail",
        "bedrock:CountTokens",
        "bedrock:InvokeModel",
        "bedrock:InvokeModelWithResponseStream",
      ]
      Principal = "*"
      Resource  = "*"
      Condition = { ArnEquals = { "aws:PrincipalArn" = var.operations_role.arn } }
    }]

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
  for_each = toset(local.creates_endpoints ? local.endpoint_services : [])

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

  tags = merge(var.tags, { Name = "${local.name}-${each.key}" })
}
