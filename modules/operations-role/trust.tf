# The statement names the customer's accounts as principals and pins the callers
# by aws:PrincipalArn. A role that is named as a principal would have to exist
# before this one, and would no longer match after it was deleted and recreated.
locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTheTenantsExecutionRoles"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = [for id in keys(var.stanza.accounts) : "arn:${var.operations.partition}:iam::${id}:root"] }
      Condition = {
        ArnEquals = {
          "aws:PrincipalArn" = [
            for id in keys(var.stanza.accounts) :
            "arn:${var.operations.partition}:iam::${id}:role/${local.name}-execution"
          ]
        }
        StringEquals = {
          "sts:ExternalId" = local.external_ids
          # CloudTrail in this account stores the session name. A fixed one keeps
          # the customer's data out of it.
          "sts:RoleSessionName" = var.tenant
        }
      }
    }]
  })
}
