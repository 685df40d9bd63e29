locals {
  # lambda/operations_guard reads them.
  settings_json = jsonencode({
    alias_policy_arn = local.policy_arns.alias
    environment      = var.environment
    event_bus_arn    = local.event_buses[0]
    lease            = local.has_lease ? { function_arn = local.lease_arn, minutes = var.lease_minutes, role_arn = local.scheduler_role_arn } : null
    quota_policy_arn = local.policy_arns.quota
    runbooks         = var.runbooks
    shards           = var.shards
    topic_arn        = local.topic_arn
  })

  # The end of the lease is a function of its own, so that it works when the guard does not.
  # So is the verification, whose role changes nothing; it asks many questions in many Regions.
  functions = {
    for function, details in {
      guard        = { name = local.name, handler = "handler", timeout = 300, description = "Compares what tenants have used with their quotas, and stops those that have reached them." }
      lease        = { name = local.lease, handler = "lease_end", timeout = 300, description = "Stops the tenants with a quota when the guard has not renewed its lease." }
      verification = { name = local.verification, handler = "daily_verification", timeout = 900, description = "Verifies that the account keeps nothing of what tenants ask." }
    } : function => details if contains(keys(local.roles), function)
  }
}

# Counts, names and configuration only, so AWS's own key encrypts the log, and it goes
# with the guard.
resource "aws_cloudwatch_log_group" "this" {
  for_each = local.functions

  name              = "/aws/lambda/${each.value.name}"
  log_group_class   = "STANDARD"
  retention_in_days = 90
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name    = each.value.name
  description      = each.value.description
  role             = "${local.iam}:role/${local.roles[each.key].name}" # computed, so that the plan shows it
  runtime          = "python3.13"
  handler          = "operations_guard.${each.value.handler}.handler"
  filename         = var.package_path
  source_code_hash = filebase64sha256(var.package_path)
  architectures    = ["arm64"]
  memory_size      = 512
  timeout          = each.value.timeout

  environment {
    variables = {
      OPERATIONS_GUARD = local.settings_json
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.this[each.key].name
  }

  # Without its permissions the function could only fail.
  depends_on = [aws_iam_role_policy.this]
}
