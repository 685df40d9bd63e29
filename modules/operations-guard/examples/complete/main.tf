provider "aws" {
  region = "eu-central-1"
}

module "operations_guard" {
  source = "../.."

  access_rules         = true
  account_id           = "111111111111"
  customer_accounts    = ["222222222222"]
  deployers            = ["arn:aws:iam::111111111111:role/deployment"]
  environment          = "prod"
  event_buses          = ["arn:aws:events:eu-central-1:222222222222:event-bus/quotas"]
  iam_events_region    = "us-east-1"
  lease_minutes        = 60
  minutes              = 10
  on_failure           = "closed"
  package_path         = "${path.module}/operations-guard-py3.13.zip"
  partition            = "aws"
  permissions_boundary = "arn:aws:iam::111111111111:policy/guard-boundary"
  region               = "eu-central-1"
  runbooks             = "https://docs.example.com/bedrock/runbooks"
  shards               = 2
}

# IAM's events are in us-east-1 only, from where the same rules forward them.
provider "aws" {
  alias  = "iam_events"
  region = "us-east-1"
}

resource "aws_cloudwatch_event_rule" "forwarded" {
  for_each = module.operations_guard.access_rules
  provider = aws.iam_events

  name          = "bedrock-prod_guard-${each.key}-forward"
  event_pattern = each.value.pattern
  state         = each.value.state
}

resource "aws_cloudwatch_event_target" "forwarded" {
  for_each = module.operations_guard.access_rules
  provider = aws.iam_events

  rule      = aws_cloudwatch_event_rule.forwarded[each.key].name
  target_id = "bus"
  arn       = "arn:aws:events:eu-central-1:111111111111:event-bus/default"
  role_arn  = module.operations_guard.forwarder_role_arn
}

resource "aws_sns_topic_subscription" "operator" {
  topic_arn = module.operations_guard.topic_arn
  protocol  = "email"
  endpoint  = "operations@example.com"
}
