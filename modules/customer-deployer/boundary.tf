# For the workload's roles, not for this one. The deployer may not change it.
resource "aws_iam_policy" "boundary" {
  name        = module.policies.boundary_policy.name
  path        = module.policies.boundary_policy.path
  description = module.policies.boundary_policy.description
  policy      = module.policies.documents.boundary

  tags = merge(var.tags, { tenant = var.tenant })
}

# The boundary used to be optional.
moved {
  from = aws_iam_policy.boundary[0]
  to   = aws_iam_policy.boundary
}
