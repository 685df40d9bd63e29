resource "aws_iam_role" "this" {
  name               = module.policies.role.name
  description        = module.policies.role.description
  assume_role_policy = module.policies.documents.trust

  tags = { tenant = var.tenant }

  # Inside the role, so that an apply also removes inline policies that somebody
  # added by hand.
  inline_policy {
    name   = "deployer"
    policy = module.policies.documents.permissions
  }

  lifecycle {
    # IAM counts no white space, and jsonencode writes none.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    precondition {
      condition     = length(module.policies.documents.permissions) <= 10240
      error_message = "Tenant ${var.tenant}: the permissions of ${var.role_name} have ${length(module.policies.documents.permissions)} characters, ${length(module.policies.documents.permissions) - 10240} more than the 10,240 that IAM allows; name fewer subnets or security groups in vpc."
    }
  }
}
