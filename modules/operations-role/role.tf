locals {
  # modules/customer-workload computes its execution role from the same inputs.
  # Neither side reads the other's state, so either can be created first.
  name = "bedrock-${var.operations.environment}-${var.tenant}"
  arn  = "arn:${var.operations.partition}:iam::${var.operations.account_id}:role/${local.name}"

  # IAM's limits. IAM counts no white space, and jsonencode writes none.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  #
  # `make suspend` adds the denial and a comma to the permissions of an active
  # tenant. They must leave room for it, because a tenant that cannot be suspended
  # is worse than one whose last model is refused.
  suspended_size = length(local.permissions) + (var.stanza.state == "active" ? length(jsonencode(local.denial)) + 1 : 0)

  size_violations = concat(
    length(local.trust) <= var.operations.trust_policy_limit ? [] : [
      "the trust policy has ${length(local.trust)} characters, ${length(local.trust) - var.operations.trust_policy_limit} more than IAM allows; give the tenant fewer accounts, or have AWS raise the limit and write it in limits.trust_policy.",
    ],
    local.suspended_size <= 10240 ? [] : [
      "the permissions have ${local.suspended_size} characters with the denial of a suspension, ${local.suspended_size - 10240} more than the 10,240 that IAM allows; grant fewer models or Regions, or finish replacing a model first (`previous`).",
    ],
  )
}

resource "aws_iam_role" "this" {
  name                 = local.name
  description          = "What tenant ${var.tenant} may do in Amazon Bedrock."
  assume_role_policy   = local.trust
  max_session_duration = 3600 # STS limits a role that is assumed by a role to one hour
  permissions_boundary = var.operations.permissions_boundary

  # The guard attaches policies beside Terraform, and IAM deletes no role that has one.
  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html
  force_detach_policies = true

  tags = merge(var.stanza.tags, { tenant = var.tenant })

  lifecycle {
    precondition {
      condition     = length(local.violations) + length(local.size_violations) == 0
      error_message = join("\n", [for sentence in concat(local.violations, local.size_violations) : "Tenant ${var.tenant}: ${sentence}"])
    }
  }
}

# Not the inline_policy block of the role, which deletes a policy before it puts
# the new one: calls would be refused in between. Here an edit is one
# PutRolePolicy, which replaces the policy at once.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
resource "aws_iam_role_policy" "grants" {
  name   = "grants"
  role   = aws_iam_role.this.name
  policy = local.permissions
}

# A plan shows the inline policies that somebody added by hand, and an apply removes them.
# There is no such list of attached policies, because an apply would detach what the guard
# has attached. Whatever else is attached, the proof of every plan refuses.
# The name comes from the policy because the provider can put a missing policy only
# there: this resource knows its name and not its text.
resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = [aws_iam_role_policy.grants.name]
}
