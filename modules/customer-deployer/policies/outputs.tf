output "boundary_policy" {
  description = "Description, name and path of the boundary policy; null without one."
  value       = local.boundary_policy
}

output "cloudformation_template" {
  description = "A CloudFormation template, as JSON text, that creates the role and the boundary."
  value       = local.cloudformation_template
}

output "documents" {
  description = "The policy documents as JSON text: trust and permissions of the role, boundary of the workload's roles (null without one), and reader_access for the accounts of readers and unmaskers."
  value = {
    boundary      = local.boundary_policy == null ? null : local.boundary
    permissions   = local.permissions
    reader_access = local.reader_access
    trust         = local.trust
  }
}

output "role" {
  description = "ARN, description and name of the role."
  value       = local.role
}
