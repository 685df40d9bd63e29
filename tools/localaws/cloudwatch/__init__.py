"""CloudWatch metrics in the local AWS."""
