output "execution_role_arn" {
  description = "The role the function runs as, or would; the operations account's trust policy names it."
  value       = local.execution_role_arn
  depends_on  = [aws_iam_role.execution, aws_iam_role_policy.execution]
}

output "function_name" {
  description = "The function to invoke, with its alias under snap_start; null once the tenant is offboarding."
  value       = var.snap_start ? one([for alias in aws_lambda_alias.live : "${alias.function_name}:${alias.name}"]) : one(aws_lambda_function.this[*].function_name)
}

output "reader_role_arn" {
  description = "The role that may read the records; null when no readers are named."
  value       = length(var.readers) > 0 ? local.reader_role_arn : null
  depends_on  = [aws_iam_role.reader, aws_iam_role_policy.reader]
}

output "record_log_group" {
  description = "The log group that holds the records."
  value       = aws_cloudwatch_log_group.records.name
}

output "region" {
  description = "The Region the function and its records are in."
  value       = local.region
}

output "vpc_endpoint_ids" {
  description = "The VPC endpoints made here, by service; a perimeter can name that of bedrock-runtime."
  value       = { for service, endpoint in aws_vpc_endpoint.this : service => endpoint.id }
}
