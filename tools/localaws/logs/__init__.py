"""CloudWatch Logs in the local AWS: its limits, keys and masking, on top of moto's storage."""
