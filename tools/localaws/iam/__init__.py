"""IAM in the local AWS."""
