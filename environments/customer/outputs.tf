output "execution_role_arn" {
  description = "The role that the function runs as."
  value       = module.customer_workload.execution_role_arn
}

output "function_name" {
  description = "The function to invoke; null while the tenant is offboarding."
  value       = module.customer_workload.function_name
}

output "reader_role_arn" {
  description = "The role that may read the records; null if the stanza has no readers."
  value       = module.customer_workload.reader_role_arn
}

output "record_log_group" {
  description = "The log group of the records."
  value       = module.customer_workload.record_log_group
}

output "region" {
  description = "The Region of the function and its records."
  value       = module.customer_workload.region
}

output "version" {
  description = "The version of the module that was applied last."
  value       = module.customer_workload.version
}

output "vpc_endpoint_ids" {
  description = "The ids of the VPC endpoints by service."
  value       = module.customer_workload.vpc_endpoint_ids
}
