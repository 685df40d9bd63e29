# The operator subscribes to the topic. It carries counts, names and settings and no content,
# so it has AWS's own encryption in transit and no key.
resource "aws_sns_topic" "this" {
  name = local.name
}

# A guard that fails and one that does not run are different metrics. A verification that
# fails writes no metric, so one alarm is for both.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
locals {
  day = 24 * 60 * 60 # seconds

  alarms = {
    failed = {
      comparison = "GreaterThanThreshold"
      dimensions = { FunctionName = local.name }
      metric     = "Errors"
      missing    = "notBreaching"
      namespace  = "AWS/Lambda"
      period     = 60 * var.minutes
      periods    = 3
      statistic  = "Sum"
      text       = "A run of the guard failed. Quotas of its tenants may not be enforced; the log group /aws/lambda/${local.name} says why. What to do: ${var.runbooks}/guard.md#a-run-of-the-guard-failed"
      threshold  = 0
    }
    silent = {
      comparison = "LessThanThreshold"
      dimensions = { FunctionName = local.name }
      metric     = "Invocations"
      missing    = "breaching"
      namespace  = "AWS/Lambda"
      period     = 60 * var.minutes
      periods    = 3
      statistic  = "Sum"
      text       = "The guard does not run for every shard, of which there are ${var.shards}. Quotas of the others are not enforced; look at the schedules bedrock-${var.environment}-quotas-… in EventBridge Scheduler. What to do: ${var.runbooks}/guard.md#the-guard-does-not-run"
      threshold  = var.shards
    }
    unclean = {
      comparison = "GreaterThanThreshold"
      dimensions = {}
      metric     = "VerificationFaults"
      missing    = "notBreaching"
      namespace  = local.metric_namespace
      period     = local.day
      periods    = 1
      statistic  = "Maximum"
      text       = "The operations account may keep prompts or answers, or lets somebody change that. Run `make verify ENV=${var.environment}`, which says what it is. What to do: ${var.runbooks}/guard.md#the-account-may-keep-content"
      threshold  = 0
    }
    # Two days, because a run that is a minute later than the last one leaves a day without.
    unverified = {
      comparison = "LessThanThreshold"
      dimensions = {}
      metric     = "VerificationFaults"
      missing    = "breaching"
      namespace  = local.metric_namespace
      period     = local.day
      periods    = 2
      statistic  = "SampleCount"
      text       = "Nobody verifies that the operations account keeps nothing: fewer than ${var.shards} verifications a day were complete. The log group /aws/lambda/${local.verification} says why. What to do: ${var.runbooks}/guard.md#nobody-verifies-the-account"
      threshold  = var.shards
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.text
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
  comparison_operator = each.value.comparison
  dimensions          = each.value.dimensions
  evaluation_periods  = each.value.periods
  metric_name         = each.value.metric
  namespace           = each.value.namespace
  period              = each.value.period
  statistic           = each.value.statistic
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing

  depends_on = [aws_sns_topic.this]
}
