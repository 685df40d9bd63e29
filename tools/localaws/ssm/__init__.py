"""Systems Manager in the local AWS."""
