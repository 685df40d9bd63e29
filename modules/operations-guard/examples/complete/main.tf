provider "aws" {
  region = "eu-central-1"
}

module "operations_guard" {
  source = "../.."

  account_id           = "111111111111"
  environment          = "prod"
  event_buses          = ["arn:aws:events:eu-central-1:222222222222:event-bus/quotas"]
  lease_minutes        = 60
  minutes              = 10
  on_failure           = "closed"
  package_path         = "${path.module}/operations-guard-py3.13.zip"
  partition            = "aws"
  permissions_boundary = "arn:aws:iam::111111111111:policy/guard-boundary"
  region               = "eu-central-1"
  shards               = 2
}

resource "aws_sns_topic_subscription" "operator" {
  topic_arn = module.operations_guard.topic_arn
  protocol  = "email"
  endpoint  = "operations@example.com"
}
