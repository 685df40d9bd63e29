"""SNS in the local AWS."""
