"""CloudWatch Logs' limits and keys, around moto's storage."""
