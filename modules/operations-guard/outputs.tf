output "access_rules" {
  description = "The rules that tell of access, by name: pattern and state, with which the Region of IAM's events forwards to this one."
  value       = { for name, rule in local.notifications : name => { pattern = rule.pattern, state = rule.state } }
}

output "forwarder_role_arn" {
  description = "The role with which EventBridge forwards events from the Region of IAM's events; null if nothing is forwarded."
  value       = local.has_forwarder ? "${local.iam}:role/${local.forwarder}" : null
  depends_on  = [aws_iam_role_policy.this]
}

output "function_arn" {
  description = "The function that a schedule invokes for each shard of tenants."
  value       = local.function_arn
  depends_on  = [aws_lambda_function.this]
}

output "lease_function_arn" {
  description = "The function that the end of a lease invokes; null with on_failure = \"open\"."
  value       = local.has_lease ? local.lease_arn : null
  depends_on  = [aws_lambda_function.this]
}

output "policy_arns" {
  description = "The two policies that the guard attaches: quota to a role that may call nothing, alias to one that may not call the marked profiles."
  value       = local.policy_arns
}

output "scheduler_role_arn" {
  description = "The role with which EventBridge Scheduler invokes the functions."
  value       = local.scheduler_role_arn
  depends_on  = [aws_iam_role_policy.this]
}

output "topic_arn" {
  description = "The topic to subscribe to: thresholds, reached quotas, what may keep content, alarms and access."
  value       = local.topic_arn
}

output "verification_function_arn" {
  description = "The function that a daily schedule invokes for each shard of tenants."
  value       = local.verification_arn
  depends_on  = [aws_lambda_function.this]
}

output "version" {
  description = "The version of the module."
  value       = local.release
}
