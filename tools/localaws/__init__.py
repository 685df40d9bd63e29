"""A local AWS that enforces IAM: moto's state behind real authorization, on loopback."""
