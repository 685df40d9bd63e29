# What the guard attaches to a tenant's role. Each policy is one Deny, so attaching it
# can only take access away; IAM evaluates it at each request, in open sessions too.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html
locals {
  # Every action of Bedrock that modules/operations-role can grant. The role may still read
  # how much it has used.
  inference = [
    "bedrock:ApplyGuardrail",
    "bedrock:CountTokens",
    "bedrock:InvokeModel",
    "bedrock:InvokeModelWithResponseStream",
  ]

  # All resources, because a Deny that named some would let a model through that is
  # granted later.
  denials = {
    alias = {
      Sid       = "AliasesWithoutQuotaLeftAreNotCalled"
      Effect    = "Deny"
      Action    = local.inference
      Resource  = "*"
      Condition = { StringEquals = { "aws:ResourceTag/quota-reached" = "true" } }
    }
    quota = {
      Sid      = "NoModelIsCalledBeforeTheQuotaIsRenewed"
      Effect   = "Deny"
      Action   = local.inference
      Resource = "*"
    }
  }
}

resource "aws_iam_policy" "denial" {
  for_each = local.denials

  name        = split("/", local.policy_arns[each.key])[1]
  description = "Attached by the guard to the role of a tenant whose quota is reached."
  policy      = jsonencode({ Version = "2012-10-17", Statement = [each.value] })
}
