"""Which shard of the operations state has a tenant's role.

Terraform resolves each reference among all instances of a module, so the time of a plan grows with the square of
the number of roles in one state. environments/operations/tenants.tf computes the same shard.
"""

from __future__ import annotations

import hashlib

MOST_TENANTS = 250  # in one shard; environments/operations/tenants.tf refuses more


def shard_of(tenant: str, shards: int) -> int:
    """Return the shard of a tenant, from 0; it depends on the name and the number of shards alone."""
    return int(hashlib.sha256(tenant.encode()).hexdigest()[:8], 16) % shards
