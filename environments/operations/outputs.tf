output "handover" {
  description = "By tenant, what its customer side must know to use its role; the customer root reads it."
  value       = { for name, role in module.operations_role : name => role.handover }
  sensitive   = true # holds the ExternalIds
}
