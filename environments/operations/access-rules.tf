# IAM's events, and those of STS's global endpoint, are in one Region of the partition. Each
# rule is there as well, and forwards what it matches to the operations Region, because a rule
# publishes to topics of its own Region only.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html
locals {
  # By the beginning of the Region's name: of other partitions it is not known to be another.
  iam_events_regions = { cn = "cn-north-1", us-gov = "us-gov-west-1" }
  is_other_partition = can(regex("^(eusc|[a-z]{2}-iso)", var.operations.region))
  iam_events_region  = local.is_other_partition ? var.operations.region : lookup(local.iam_events_regions, regex("^(?:cn|us-gov)?", var.operations.region), "us-east-1")
  has_iam_events     = local.iam_events_region == var.operations.region

  forwarded = local.has_iam_events || length(module.operations_guard) == 0 ? {} : module.operations_guard[0].access_rules
}

resource "aws_cloudwatch_event_rule" "forwarded" {
  for_each = local.forwarded
  provider = aws.iam_events

  name          = "${local.guard_name}-${each.key}-forward"
  description   = "Forwards to ${var.operations.region} what the rule ${local.guard_name}-${each.key} tells the operator."
  event_pattern = each.value.pattern
  state         = each.value.state
}

resource "aws_cloudwatch_event_target" "forwarded" {
  for_each = local.forwarded
  provider = aws.iam_events

  rule      = aws_cloudwatch_event_rule.forwarded[each.key].name
  target_id = "bus"
  arn       = "arn:${data.aws_partition.current.partition}:events:${var.operations.region}:${var.operations.account_id}:event-bus/default"
  role_arn  = module.operations_guard[0].forwarder_role_arn
}
