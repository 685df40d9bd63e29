"""What the commands do with one tenant: its state, its workload, and what has no stanza."""
