output "execution_role_arn" {
  description = "The role the function runs as."
  value       = module.customer_workload.execution_role_arn
}

output "function_name" {
  description = "The function to invoke; null once the tenant is offboarding."
  value       = module.customer_workload.function_name
}

output "reader_role_arn" {
  description = "The role that may read the records; null when the stanza names no readers."
  value       = module.customer_workload.reader_role_arn
}

output "record_log_group" {
  description = "The log group that holds the records."
  value       = module.customer_workload.record_log_group
}

output "region" {
  description = "The Region the function and its records are in."
  value       = module.customer_workload.region
}

output "vpc_endpoint_ids" {
  description = "The VPC endpoints made for the function, by service."
  value       = module.customer_workload.vpc_endpoint_ids
}
