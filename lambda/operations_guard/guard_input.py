"""What the guard knows of the tenants of a shard: the input of the shard's schedule, which Terraform writes.

A schedule passes on up to 256 KB: https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from operations_guard.quota_windows import has_time_zone

DAY, MONTH = "day", "month"
TOKENS, USD = "tokens", "usd"
_LIMITS = {
    "tokens_per_day": (DAY, TOKENS),
    "tokens_per_month": (MONTH, TOKENS),
    "usd_per_month": (MONTH, USD),
}
ACTIVE = "active"
_STATES = (ACTIVE, "suspended", "offboarding")
# Characters of base64 that identify a text; five of them are 30 bits.
_DIGEST_CHARACTERS = 5


class GuardInputError(ValueError):
    """The input of the schedule is not what Terraform writes; the message names the member."""


@dataclass(frozen=True)
class Limit:
    """The most tokens or US dollars that a tenant may use in a window.

    Without an ``alias`` it is for all of the tenant's aliases together.
    """

    alias: str | None
    window: str  # DAY or MONTH
    unit: str  # TOKENS or USD
    most: float


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens of a model."""

    input: float
    output: float
    cache_read: float
    cache_write: float


@dataclass(frozen=True)
class GuardedTenant:
    """A tenant of the shard, with or without limits.

    ``models`` are the foundation models behind each tracked alias. ``warn_at`` are percents of a limit.
    ``digest`` changes with everything that the guard knows of the tenant.
    """

    name: str
    state: str
    limits: tuple[Limit, ...]
    models: Mapping[str, tuple[str, ...]]
    warn_at: tuple[float, ...]
    time_zone: str
    event_bus: str | None
    digest: str

    @property
    def is_read(self) -> bool:
        """Whether the guard compares the tenant's use with a limit; it may call nothing while it is suspended."""
        return self.state == ACTIVE and bool(self.limits)

    def models_of(self, limit: Limit) -> frozenset[str]:
        """Return the foundation models whose use counts towards a limit."""
        aliases = self.models if limit.alias is None else (limit.alias,)
        return frozenset(model for alias in aliases for model in self.models.get(alias, ()))


@dataclass(frozen=True)
class GuardInput:
    """One shard of ``shards`` of an environment. ``minutes`` are between two runs.

    ``prices`` and ``tokens_per_minute``, the account's quota, are by the foundation model's id.
    """

    environment: str
    shard: int
    shards: int
    minutes: float
    tenants: Mapping[str, GuardedTenant]
    prices: Mapping[str, Price]
    tokens_per_minute: Mapping[str, float]

    def only(self, tenant: str | None) -> GuardInput:
        """Return the input with this tenant alone, or none if it is in another shard; all tenants for None."""
        if tenant is None:
            return self
        return replace(self, tenants={k: v for k, v in self.tenants.items() if k == tenant})

    def role_name(self, tenant: str) -> str:
        """Return the name of a tenant's role."""
        return f"bedrock-{self.environment}-{tenant}"


def read_guard_input(event: object) -> GuardInput:
    """Return the schedule's input with its types; raises GuardInputError."""
    members = _object(event, "the input")
    raw_prices = _object(members.get("prices", {}), "prices")
    prices = {model: _price(price, f"prices.{model}") for model, price in raw_prices.items()}
    rates = {
        model: _number(rate, f"tokens_per_minute.{model}")
        for model, rate in _object(
            members.get("tokens_per_minute", {}), "tokens_per_minute"
        ).items()
    }
    tenants = {
        name: _tenant(name, _object(tenant, f"tenants.{name}"), (raw_prices, rates))
        for name, tenant in _object(members.get("tenants"), "tenants").items()
    }
    return GuardInput(
        environment=_text(members.get("environment"), "environment"),
        shard=int(_number(members.get("shard", 0), "shard", least=0)),
        shards=int(_number(members.get("shards", 1), "shards")),
        minutes=_number(members.get("minutes", 5), "minutes"),
        tenants=tenants,
        prices=prices,
        tokens_per_minute=rates,
    )


def digest_of(content: object) -> str:
    """Return five characters that stand for a JSON value."""
    text = json.dumps(content, sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest())[:_DIGEST_CHARACTERS].decode()


def _tenant(name: str, members: Mapping[str, Any], shared: object) -> GuardedTenant:
    where = f"tenants.{name}"
    aliases = {
        alias: _object(content, f"{where}.aliases.{alias}")
        for alias, content in _object(members.get("aliases", {}), f"{where}.aliases").items()
    }
    limits = _limits(members.get("limits", {}), None, f"{where}.limits")
    for alias, content in aliases.items():
        limits += _limits(content.get("limits", {}), alias, f"{where}.aliases.{alias}.limits")
    time_zone = _text(members.get("time_zone", "UTC"), f"{where}.time_zone")
    if not has_time_zone(time_zone):
        raise GuardInputError(f"{where}.time_zone is {time_zone}, which is no known time zone.")
    state = _text(members.get("state", ACTIVE), f"{where}.state")
    if state not in _STATES:
        raise GuardInputError(f"{where}.state is {state}; it is one of {', '.join(_STATES)}.")
    levels = members.get("warn_at", ())
    if not isinstance(levels, list | tuple):
        raise GuardInputError(f"{where}.warn_at is not a list.")
    bus = members.get("event_bus")
    return GuardedTenant(
        name=name,
        state=state,
        limits=tuple(limits),
        models={
            alias: tuple(
                _text(model, f"{where}.aliases.{alias}.models")
                for model in content.get("models", ())
            )
            for alias, content in aliases.items()
        },
        warn_at=tuple(sorted(_number(level, f"{where}.warn_at") for level in levels)),
        time_zone=time_zone,
        event_bus=None if bus is None else _text(bus, f"{where}.event_bus"),
        digest=digest_of([name, members, shared]),
    )


def _limits(value: object, alias: str | None, where: str) -> list[Limit]:
    members = _object(value, where)
    if unknown := members.keys() - _LIMITS:
        raise GuardInputError(f"{where} has {', '.join(sorted(unknown))}, which is no limit.")
    return [
        Limit(alias, *_LIMITS[name], most=_number(most, f"{where}.{name}"))
        for name, most in sorted(members.items())
        if most is not None
    ]


def _price(value: object, where: str) -> Price:
    members = _object(value, where)
    names = ("input", "output", "cache_read", "cache_write")
    return Price(
        *(_number(members.get(name), f"{where}.{name}", is_zero_allowed=True) for name in names)
    )


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise GuardInputError(f"{where} is not a JSON object.")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise GuardInputError(f"{where} is not a text.")
    return value


def _number(
    value: object, where: str, *, least: float | None = None, is_zero_allowed: bool = False
) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise GuardInputError(f"{where} is not a number.")
    if least is not None or is_zero_allowed:
        if value < (least or 0):
            raise GuardInputError(f"{where} is {value}, below {least or 0}.")
    elif value <= 0:
        raise GuardInputError(f"{where} is {value}; it must be greater than 0.")
    return value
