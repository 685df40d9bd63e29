"""What to verify: one operations account of an environment, its Regions and its tenants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GuardedAccount:
    """Names and no content. ``trail_regions`` are those in which tenants call STS."""

    account: str
    partition: str
    environment: str
    region: str  # of the tenants' roles and profiles
    regions: tuple[str, ...]  # in which a call of a model may run, by the stanzas
    profiles: tuple[
        tuple[str, str], ...
    ]  # the Region and the id of each of Bedrock's own that is granted
    trail_regions: tuple[str, ...]
    tenants: tuple[str, ...]

    def role_name(self, tenant: str) -> str:
        """Return the name of a tenant's role."""
        return f"bedrock-{self.environment}-{tenant}"

    def role_arn(self, tenant: str) -> str:
        """Return the ARN of a tenant's role."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role_name(tenant)}"
