"""KMS in the local AWS."""
