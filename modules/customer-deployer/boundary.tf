# For the workload's roles, not for this one. The deployer may not change it.
resource "aws_iam_policy" "boundary" {
  count = var.permissions_boundary == null ? 0 : 1

  name        = module.policies.boundary_policy.name
  path        = module.policies.boundary_policy.path
  description = module.policies.boundary_policy.description
  policy      = module.policies.documents.boundary

  tags = { tenant = var.tenant }
}
