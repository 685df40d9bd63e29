# The operations account decides by its own policies which of its principals may
# deploy. The ExternalId makes sure that the account, which deploys for many
# customers, acts here only for the tenant of this account:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheOperationsAccountDeploys"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = format(local.iam_arn, var.operations_account_id, "root") }
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}
