"""How much of their quotas tenants have used, for `make usage`."""
