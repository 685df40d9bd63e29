provider "aws" {
  region              = var.operations.region
  allowed_account_ids = [var.operations.account_id]

  default_tags {
    tags = merge(var.tags, {
      environment = var.environment
      managed-by  = "terraform"
    })
  }
}

# EventBridge has the events of IAM in one Region of each partition only. With version 6 of
# the provider a resource could name its Region; 5.100 needs a provider for it. Calls of STS
# stay in the operations Region.
# https://repost.aws/knowledge-center/use-eventbridge-rule-across-regions
provider "aws" {
  alias               = "iam_events"
  region              = local.iam_events_region
  sts_region          = var.operations.region
  allowed_account_ids = [var.operations.account_id]

  default_tags {
    tags = merge(var.tags, {
      environment = var.environment
      managed-by  = "terraform"
    })
  }
}
