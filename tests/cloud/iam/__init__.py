"""Who calls, and whether they may: identity, policies and their evaluation, STS."""
