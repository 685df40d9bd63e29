# The statement names the customer's accounts and pins the caller by
# aws:PrincipalArn: a role named as the principal would have to exist before
# this one, and would no longer match after it was deleted and made again.
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
          "sts:ExternalId" = [for id in [var.stanza.external_ids.current, var.stanza.external_ids.previous] : id if id != null]
          # The session name is kept in this account's CloudTrail, so it is
          # ours to choose: nothing of the customer's can come in by it.
          "sts:RoleSessionName" = var.tenant
        }
      }
    }]
  })
}
