output "execution_role_arn" {
  description = "The role that the function runs as, also while it does not exist; the trust policy in the operations account names it."
  value       = local.execution_role_arn
  depends_on  = [aws_iam_role_policy.execution]
}

output "function_name" {
  description = "The function to invoke, with its alias if snap_start is set; null while the tenant is offboarding."
  value       = local.runs ? join(":", concat(aws_lambda_function.this[*].function_name, aws_lambda_alias.live[*].name)) : null
}

output "reader_role_arn" {
  description = "The role that may read the records; null without readers."
  value       = length(var.readers) > 0 ? local.reader_role_arn : null
  depends_on  = [aws_iam_role_policy.reader]
}

output "record_log_group" {
  description = "The log group that holds the records."
  value       = aws_cloudwatch_log_group.records.name
}

output "region" {
  description = "The Region of the function and its records."
  value       = local.region
}

output "version" {
  description = "The version of the module, which is that of the release it came with."
  value       = local.release
}

output "vpc_endpoint_ids" {
  description = "The ids of the VPC endpoints by service; a perimeter can name the one of bedrock-runtime."
  value       = { for service, endpoint in aws_vpc_endpoint.this : service => endpoint.id }
}
