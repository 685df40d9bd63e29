"""STS in the local AWS: sessions and AssumeRole."""
