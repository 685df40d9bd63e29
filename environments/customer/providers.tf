provider "aws" {
  region              = coalesce(local.account.region, var.operations.region)
  allowed_account_ids = [var.account_id]

  assume_role {
    role_arn    = "arn:${local.partition}:iam::${var.account_id}:role/${var.deployer_role_name}"
    external_id = local.stanza.deployer.external_id
  }

  default_tags {
    tags = merge(var.tags, local.stanza.tags, local.account.tags, {
      environment = var.environment
      managed-by  = "terraform"
      tenant      = var.tenant
    })
  }
}
