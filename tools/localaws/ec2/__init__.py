"""EC2 in the local AWS."""
