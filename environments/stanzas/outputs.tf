output "tenants" {
  description = "The stanzas by tenant, with their types and defaults."
  value       = var.tenants
}
