"""An AWS on loopback that really refuses: moto's state behind real authorization."""
