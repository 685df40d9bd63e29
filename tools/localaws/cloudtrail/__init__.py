"""CloudTrail in the local AWS."""
