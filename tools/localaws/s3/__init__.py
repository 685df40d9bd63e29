"""S3 in the local AWS."""
