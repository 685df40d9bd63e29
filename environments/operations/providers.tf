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
