locals {
  # What a rule is on AWS: a pattern, a state and a sentence. A read-only event, such as that
  # of AssumeRole or of a call of a model, reaches rules in this state alone:
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
  #
  # A source that begins with aws. is AWS: whoever puts an event on the bus has to name another.
  # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
  notifications = {
    for name, rule in local.access_rules : name => {
      name    = "${local.name}-${name}"
      paths   = merge({ event = "$.detail.eventName", region = "$.detail.awsRegion" }, rule.paths)
      pattern = jsonencode({ account = [var.account_id], detail = rule.detail, detail-type = ["AWS API Call via CloudTrail"], source = [{ prefix = "aws." }] })
      state   = try(rule.read_only, false) ? "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" : "ENABLED"
      text    = "\"${rule.text} Region: <region>. What to do: ${var.runbooks}/access-rules.md#${name}\""
    } if var.access_rules
  }

  # CloudWatch publishes for its alarms and EventBridge for its rules, as services. A topic's
  # policy names both; what identities of the account may do, their own policies say.
  # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
  alarm_arns = [for suffix in keys(local.alarms) : "arn:${var.partition}:cloudwatch:${local.region}:alarm:${local.name}-${suffix}"]
  rule_arns  = [for rule in values(local.notifications) : "arn:${var.partition}:events:${local.region}:rule/${rule.name}"]
  publishers = [
    {
      Sid       = "OnlyTheGuardsAlarmsPublish"
      Effect    = "Allow"
      Action    = "sns:Publish"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Resource  = local.topic_arn
      Condition = { ArnEquals = { "aws:SourceArn" = local.alarm_arns } }
    },
    {
      Sid       = "OnlyTheAccessRulesPublish"
      Effect    = "Allow"
      Action    = "sns:Publish"
      Principal = { Service = "events.amazonaws.com" }
      Resource  = local.topic_arn
      Condition = { ArnEquals = { "aws:SourceArn" = local.rule_arns } }
    },
  ]
}

resource "aws_cloudwatch_event_rule" "access" {
  for_each = local.notifications

  name          = each.value.name
  description   = "Tells the operator of access; see access-rules.md among the runbooks."
  event_pattern = each.value.pattern
  state         = each.value.state

  lifecycle {
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    precondition {
      condition     = length(each.value.pattern) <= 2048
      error_message = "The pattern of the rule ${each.value.name} has ${length(each.value.pattern)} characters, more than the 2,048 that EventBridge allows; let fewer identities deploy, or set access_rules = false."
    }
  }
}

resource "aws_cloudwatch_event_target" "access" {
  for_each = local.notifications

  rule      = aws_cloudwatch_event_rule.access[each.key].name
  target_id = "topic"
  arn       = local.topic_arn

  input_transformer {
    input_paths    = each.value.paths
    input_template = each.value.text
  }

  depends_on = [aws_sns_topic_policy.this]
}

resource "aws_sns_topic_policy" "this" {
  arn = local.topic_arn
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.publishers : statement if length(statement.Condition.ArnEquals["aws:SourceArn"]) > 0]
  })

  depends_on = [aws_sns_topic.this]
}
