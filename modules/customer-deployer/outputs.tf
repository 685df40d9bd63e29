output "cloudformation_template" {
  description = "A CloudFormation template, as JSON text, that creates the same role, boundary and key."
  value       = module.policies.cloudformation_template
}

output "key_arn" {
  description = "The ARN of the key that encrypts the records."
  value       = aws_kms_key.records.arn
}

output "policies" {
  description = "The policy documents as JSON text: trust and permissions of the role, boundary of the workload's roles, key, reader_access for the accounts of readers and unmaskers, and administrator_denial for the customer's administrators."
  value       = module.policies.documents
}

# Computed, so that a plan shows both.
output "role_arn" {
  description = "The ARN of the role that the customer root assumes."
  value       = module.policies.role.arn
  depends_on  = [aws_iam_role_policy.deployer]
}

output "role_name" {
  description = "The name of the role."
  value       = module.policies.role.name
  depends_on  = [aws_iam_role_policy.deployer]
}

output "version" {
  description = "The version of the module, which is that of the release it came with; the tag deployer-release of the role has it too."
  value       = module.policies.version
}
