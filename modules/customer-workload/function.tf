resource "aws_lambda_function" "this" {
  function_name                  = local.name
  description                    = "Calls Amazon Bedrock as tenant ${var.tenant} and records every call in this account."
  role                           = aws_iam_role.execution.arn
  runtime                        = "python3.13"
  handler                        = "tenant_bedrock.handler.handler"
  filename                       = var.package_path
  source_code_hash               = filebase64sha256(var.package_path)
  architectures                  = [var.architecture]
  memory_size                    = var.memory_size
  reserved_concurrent_executions = var.reserved_concurrency
  timeout                        = var.timeout

  environment {
    variables = {
      TENANT_BEDROCK = jsonencode({
        environment      = var.environment
        external_id      = var.operations_role.external_id
        models           = var.models
        record_log_group = local.record_log_group
        role_arn         = var.operations_role.arn
        tenant           = var.tenant
      })
    }
  }

  # INFO is fixed: a higher level could drop a record that was spilled here.
  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function.name
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
}
