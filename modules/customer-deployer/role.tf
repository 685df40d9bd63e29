resource "aws_iam_role" "this" {
  name               = module.policies.role.name
  description        = module.policies.role.description
  assume_role_policy = module.policies.documents.trust

  tags = module.policies.role.tags

  lifecycle {
    # IAM counts no white space, and jsonencode writes none.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    precondition {
      condition     = length(module.policies.documents.permissions) <= 10240
      error_message = "Tenant ${var.tenant}: the permissions of ${var.role_name} have ${length(module.policies.documents.permissions)} characters, ${length(module.policies.documents.permissions) - 10240} more than the 10,240 that IAM allows; name fewer subnets or security groups in vpc."
    }
  }
}

# An edit is one PutRolePolicy, which replaces the policy at once, so it can be
# applied while the operator's Terraform works in the account.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
resource "aws_iam_role_policy" "deployer" {
  name   = "deployer"
  role   = aws_iam_role.this.name
  policy = module.policies.documents.permissions
}

# A plan shows the policies that somebody added by hand, and an apply removes them.
resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = [aws_iam_role_policy.deployer.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  role_name   = aws_iam_role.this.name
  policy_arns = []
}
