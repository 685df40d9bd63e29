"""AWS Organizations in the local AWS."""
