# Only the principals of the operations account that deploy may assume the role,
# and only with the tenant's own ExternalId: the account deploys for many
# customers, so it could otherwise be led to work here for another one.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
#
# They are pinned by aws:PrincipalArn, like the callers of every other role, so that
# the role can be created before them and outlives their re-creation.
locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThoseWhoDeployAssumeTheRole"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = format(local.iam_arn, var.operations_account_id, "root") }
      Condition = {
        ArnEquals    = { "aws:PrincipalArn" = sort(var.deployment_principals) }
        StringEquals = { "sts:ExternalId" = var.external_id }
      }
    }]
  })
}
