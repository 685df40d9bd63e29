"""The settings that Terraform writes to OPERATIONS_GUARD, the same for the guard and for the end of its lease."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


class GuardSettingsError(ValueError):
    """OPERATIONS_GUARD is missing or invalid."""


@dataclass(frozen=True)
class LeaseSettings:
    """When and by what the tenants with a quota are stopped if the guard does not run."""

    minutes: float
    function_arn: str
    role_arn: str


@dataclass(frozen=True)
class GuardSettings:
    """What the guard attaches and whom it tells. There is a ``lease`` only with on_failure = "closed".

    ``shards`` is their number, by which a schedule is known that a smaller number has left behind. ``runbooks`` is
    where the pages of docs/runbooks are.
    """

    environment: str
    quota_policy_arn: str
    alias_policy_arn: str
    topic_arn: str
    event_bus_arn: str
    lease: LeaseSettings | None
    shards: int = 1
    runbooks: str = "docs/runbooks"


def read_settings(text: str | None) -> GuardSettings:
    """Return the settings of a JSON text; raises GuardSettingsError."""
    try:
        members: dict[str, Any] = json.loads(text or "")
        lease = members.pop("lease", None)
        return GuardSettings(**members, lease=LeaseSettings(**lease) if lease else None)
    except (TypeError, ValueError) as error:
        raise GuardSettingsError(
            "OPERATIONS_GUARD is not what modules/operations-guard writes; apply the operations account again."
        ) from error
