# The operator subscribes to the topic. It carries counts and the names of tenants, so it
# has AWS's own encryption in transit and the owner's policy, which admits this account only.
resource "aws_sns_topic" "this" {
  name = local.name
}

# Two alarms, because a guard that fails and one that does not run are different metrics.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
locals {
  alarms = {
    failed = {
      comparison = "GreaterThanThreshold"
      metric     = "Errors"
      missing    = "notBreaching"
      text       = "A run of the guard failed. Quotas of its tenants may not be enforced; the log group /aws/lambda/${local.name} says why."
    }
    silent = {
      comparison = "LessThanOrEqualToThreshold"
      metric     = "Invocations"
      missing    = "breaching"
      text       = "The guard does not run. No quota is enforced; look at the schedules bedrock-${var.environment}-quotas-… in EventBridge Scheduler."
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
  dimensions          = { FunctionName = local.name }
  evaluation_periods  = 3
  metric_name         = each.value.metric
  namespace           = "AWS/Lambda"
  period              = 60 * var.minutes
  statistic           = "Sum"
  threshold           = 0
  treat_missing_data  = each.value.missing

  depends_on = [aws_sns_topic.this]
}
