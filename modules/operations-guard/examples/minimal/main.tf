provider "aws" {
  region = "eu-central-1"
}

module "operations_guard" {
  source = "../.."

  account_id   = "111111111111"
  environment  = "prod"
  package_path = "${path.module}/operations-guard-py3.13.zip"
  partition    = "aws"
  region       = "eu-central-1"
}

resource "aws_scheduler_schedule" "quotas" {
  name                = "bedrock-prod-quotas-0"
  schedule_expression = "rate(5 minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.operations_guard.function_arn
    role_arn = module.operations_guard.scheduler_role_arn
    input = jsonencode({
      environment = "prod"
      minutes     = 5
      prices      = {}
      shard       = 0
      shards      = 1
      tenants = {
        acme = {
          aliases   = { claude = { limits = {}, models = ["anthropic.claude-haiku-4-5-20251001-v1:0"] } }
          limits    = { tokens_per_day = 1000000 }
          state     = "active"
          time_zone = "UTC"
          warn_at   = [50, 80, 95]
        }
      }
      tokens_per_minute = {}
    })
  }
}
