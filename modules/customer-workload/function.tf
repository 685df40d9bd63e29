locals {
  # All of the function's settings; lambda/tenant_bedrock/settings.py reads them.
  settings_json = jsonencode(merge(var.usage == null ? {} : { usage = var.usage }, {
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
  }))
}

resource "aws_lambda_function" "this" {
  count = local.runs ? 1 : 0

  function_name                  = local.name
  description                    = "Calls Amazon Bedrock as tenant ${var.tenant} and records every call in this account."
  role                           = local.execution_role_arn # computed, so that the plan shows it
  runtime                        = "python3.13"
  handler                        = "tenant_bedrock.handler.handler"
  filename                       = var.package_path
  source_code_hash               = filebase64sha256(var.package_path)
  architectures                  = [var.architecture]
  memory_size                    = var.memory_size
  reserved_concurrent_executions = var.reserved_concurrency
  timeout                        = var.timeout
  publish                        = var.snap_start
  code_signing_config_arn        = var.code_signing_config_arn
  tags                           = var.tags

  environment {
    variables = {
      TENANT_BEDROCK = local.settings_json
    }
  }

  # INFO is fixed because a higher level could drop a spilled record.
  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function.name
  }

  # Lambda takes snapshots of published versions only, so callers invoke the alias below.
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

  # Without its policy the function could only fail, and without the groups Lambda
  # would create an unencrypted group of the same name.
  depends_on = [aws_cloudwatch_log_group.records, aws_iam_role_policy.execution]

  lifecycle {
    # Lambda counts all variables together, with their names.
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    precondition {
      condition     = length("TENANT_BEDROCK") + length(local.settings_json) <= 4096
      error_message = "Tenant ${var.tenant}: the settings of its function have ${length("TENANT_BEDROCK") + length(local.settings_json)} bytes, ${length("TENANT_BEDROCK") + length(local.settings_json) - 4096} more than the 4,096 that Lambda allows; grant fewer models."
    }
  }
}

resource "aws_lambda_alias" "live" {
  count = local.runs && var.snap_start ? 1 : 0

  name             = "live"
  description      = "The version to invoke, which starts from its snapshot."
  function_name    = aws_lambda_function.this[0].function_name
  function_version = aws_lambda_function.this[0].version
}
