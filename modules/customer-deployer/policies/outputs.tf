output "boundary_policy" {
  description = "ARN, description, name and path of the boundary policy."
  value       = local.boundary_policy
}

output "cloudformation_template" {
  description = "A CloudFormation template, as JSON text, that creates the role, the boundary and the key."
  value       = local.cloudformation_template
}

output "documents" {
  description = "The policy documents as JSON text: trust and permissions of the role, boundary of the workload's roles, key, reader_access for the accounts of readers and unmaskers, and administrator_denial for the customer's administrators."
  value = {
    administrator_denial = local.administrator_denial
    boundary             = local.boundary
    key                  = local.key_policy
    permissions          = local.permissions
    reader_access        = local.reader_access
    trust                = local.trust
  }
}

output "key" {
  description = "Alias and description of the key that encrypts the records."
  value       = local.key
}

output "role" {
  description = "ARN, description, name and tags of the role; the tags have the version and the digest of the documents."
  value       = merge(local.role, { tags = local.role_tags })
}

output "version" {
  description = "The version of the module, which is that of the release it came with."
  value       = local.release
}
