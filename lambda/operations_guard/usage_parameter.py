"""What a tenant may know of its quota: one parameter of Systems Manager that its role may read, and no other's.

It also holds which thresholds were told. A put returns the number of its version, so of two guards that run at once
each compares itself with the version just before its own, and one of them tells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operations_guard.guard_input import digest_of
from operations_guard.quota_decision import OPEN, REACHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from operations_guard.guard_input import GuardedTenant
    from operations_guard.quota_decision import Decision, WindowUse

_Key = tuple[str, str, str]  # the alias or "", the window and the unit
# Names in one question: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
_NAMES = 10
_TYPE = "String"
# A standard parameter holds 4 KB and costs nothing; a tenant with many aliases gets an advanced one:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
_TIER = "Intelligent-Tiering"


@dataclass(frozen=True)
class ToldWindow:
    """What the parameter says of one window; ``told`` is the highest percent that was told."""

    end: str
    limit: float
    state: str
    told: float


@dataclass(frozen=True)
class StoredUsage:
    """A version of the parameter; version 0 is one that does not exist."""

    version: int = 0
    windows: Mapping[_Key, ToldWindow] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """Something to tell of a window: its highest percent that was passed (``level``), or that it is open again."""

    use: WindowUse
    level: float

    @property
    def is_renewal(self) -> bool:
        """Whether calls are let in again."""
        return self.level == 0

    @property
    def is_reached(self) -> bool:
        """Whether calls are refused."""
        return self.use.is_reached


class UsageStore:
    """The parameters of an environment's tenants."""

    def __init__(self, ssm: Any, environment: str) -> None:  # noqa: ANN401 - boto3's client
        self._ssm = ssm
        self._folder = f"/bedrock/{environment}/usage"

    def name(self, tenant: str) -> str:
        """Return the name of a tenant's parameter."""
        return f"{self._folder}/{tenant}"

    def read(self, tenants: Sequence[str]) -> dict[str, StoredUsage]:
        """Return what is stored of each tenant."""
        stored = {tenant: StoredUsage() for tenant in tenants}
        for first in range(0, len(tenants), _NAMES):
            names = [self.name(tenant) for tenant in tenants[first : first + _NAMES]]
            for parameter in self._ssm.get_parameters(Names=names)["Parameters"]:
                tenant = parameter["Name"].rpartition("/")[2]
                stored[tenant] = _stored(parameter)
        return stored

    def write(
        self, tenant: GuardedTenant, decision: Decision, before: StoredUsage, now: datetime
    ) -> list[Change]:
        """Put the tenant's use, and return what this guard has to tell.

        ``before`` is what was read. If another guard has put a version since, that version takes its place.
        """
        version = self._put(tenant, decision, before, now)
        if version != before.version + 1:
            name = f"{self.name(tenant.name)}:{version - 1}"
            before = _stored(self._ssm.get_parameter(Name=name)["Parameter"])
            if any(told(use, before, tenant) > use.level(tenant.warn_at) for use in decision.uses):
                self._put(tenant, decision, before, now)
        return changes(decision, before, tenant)

    def take_back(
        self, tenant: GuardedTenant, decision: Decision, before: StoredUsage, now: datetime
    ) -> None:
        """Store that nothing of this decision was told, so that the next run tells it."""
        self._put(tenant, decision, before, now, is_told=False)

    def _put(
        self,
        tenant: GuardedTenant,
        decision: Decision,
        before: StoredUsage,
        now: datetime,
        *,
        is_told: bool = True,
    ) -> int:
        windows = [
            _window(use, tenant.warn_at, told(use, before, tenant, is_told=is_told))
            for use in decision.uses
        ]
        value = {
            "time": _text(now),
            "next_read": _text(decision.next_read),
            "windows": windows,
        }
        answer = self._ssm.put_parameter(
            Name=self.name(tenant.name),
            Value=json.dumps(value, separators=(",", ":")),
            Type=_TYPE,
            Tier=_TIER,
            Overwrite=True,
        )
        return int(answer["Version"])


def told(
    use: WindowUse, before: StoredUsage, tenant: GuardedTenant, *, is_told: bool = True
) -> float:
    """Return the highest percent that is told of a window once this use is."""
    stored = before.windows.get(_key(use))
    is_same = stored and stored.end == _text(use.window.end) and stored.limit == use.limit.most
    earlier = stored.told if stored and is_same else 0.0
    return max(earlier, use.level(tenant.warn_at)) if is_told else earlier


def changes(decision: Decision, before: StoredUsage, tenant: GuardedTenant) -> list[Change]:
    """Return what is new since ``before``: of several thresholds the highest one, and each renewal."""
    found = []
    for use in decision.uses:
        level = use.level(tenant.warn_at)
        stored = before.windows.get(_key(use))
        if level > told(use, before, tenant, is_told=False):
            found.append(Change(use, level))
        elif stored and stored.state == REACHED and not use.is_reached:
            found.append(Change(use, 0))
    return found


def content_digest(decision: Decision, tenant: GuardedTenant) -> str:
    """Return what changes when the parameter has to be written: a state, a threshold, or a percent.

    Systems Manager writes few parameters in a second, so a use that has hardly moved is not written:
    https://docs.aws.amazon.com/general/latest/gr/ssm.html
    """
    windows = [
        [
            *_key(use),
            _text(use.window.end),
            use.limit.most,
            use.state(tenant.warn_at),
            int(use.percent),
        ]
        for use in decision.uses
    ]
    return digest_of([windows, list(tenant.warn_at)])


def _window(use: WindowUse, warn_at: Iterable[float], told_percent: float) -> dict[str, Any]:
    alias = {} if use.limit.alias is None else {"alias": use.limit.alias}
    return {
        **alias,
        "window": use.limit.window,
        "unit": use.limit.unit,
        "used": round(use.used, 6),
        "limit": use.limit.most,
        "end": _text(use.window.end),
        "state": use.state(warn_at),
        "told": told_percent,
    }


def _stored(parameter: Mapping[str, Any]) -> StoredUsage:
    """Return what a parameter says; a text that this code has not written says nothing."""
    try:
        windows = {
            (item.get("alias", ""), item["window"], item["unit"]): ToldWindow(
                item["end"], item["limit"], item.get("state", OPEN), float(item.get("told", 0))
            )
            for item in json.loads(parameter["Value"])["windows"]
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        windows = {}
    return StoredUsage(int(parameter["Version"]), windows)


def _key(use: WindowUse) -> _Key:
    return (use.limit.alias or "", use.limit.window, use.limit.unit)


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
