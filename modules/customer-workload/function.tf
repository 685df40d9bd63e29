locals {
  # What the function is told, and all of it; lambda/tenant_bedrock/settings.py reads it.
  told = jsonencode({
    audit            = var.audit
    content          = var.content
    environment      = var.environment
    external_id      = var.operations_role.external_id
    guardrail        = var.guardrail
    models           = var.models
    quota            = var.quota
    record_log_group = local.record_log_group
    role_arn         = var.operations_role.arn
    tenant           = var.tenant
    timeout          = var.timeout
  })
}

resource "aws_lambda_function" "this" {
  count = local.runs ? 1 : 0

  function_name                  = local.name
  description                    = "Calls Amazon Bedrock as tenant ${var.tenant} and records every call in this account."
  role                           = aws_iam_role.execution[0].arn
  runtime                        = "python3.13"
  handler                        = "tenant_bedrock.handler.handler"
  filename                       = var.package_path
  source_code_hash               = filebase64sha256(var.package_path)
  architectures                  = [var.architecture]
  memory_size                    = var.memory_size
  reserved_concurrent_executions = var.reserved_concurrency
  timeout                        = var.timeout
  publish                        = var.snap_start

  environment {
    variables = {
      TENANT_BEDROCK = local.told
    }
  }

  # INFO is fixed: a higher level could drop a record that was spilled here.
  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function.name
  }

  # Lambda takes snapshots of published versions only, so the alias below is what to invoke.
  # https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
  dynamic "snap_start" {
    for_each = var.snap_start ? ["PublishedVersions"] : []

    content {
      apply_on = snap_start.value
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      security_group_ids = vpc_config.value.security_group_ids
      subnet_ids         = vpc_config.value.subnet_ids
    }
  }

  # Before its policy and its encrypted groups the function could only fail,
  # or make Lambda create an unencrypted group of the same name.
  depends_on = [aws_cloudwatch_log_group.records, aws_iam_role_policy.execution]

  lifecycle {
    # All variables together, names too.
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    precondition {
      condition     = length("TENANT_BEDROCK") + length(local.told) <= 4096
      error_message = "Tenant ${var.tenant}: what its function is told has ${length("TENANT_BEDROCK") + length(local.told)} bytes, ${length("TENANT_BEDROCK") + length(local.told) - 4096} more than Lambda's 4,096; grant fewer models."
    }
  }
}

resource "aws_lambda_alias" "live" {
  count = local.runs && var.snap_start ? 1 : 0

  name             = "live"
  description      = "The version to invoke, started from its snapshot."
  function_name    = aws_lambda_function.this[0].function_name
  function_version = aws_lambda_function.this[0].version
}
