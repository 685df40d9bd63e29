"""Compares what a tenant has used with its limits: nothing here calls AWS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from operations_guard.guard_input import TOKENS, Limit
from operations_guard.quota_windows import QuotaWindow, window_at
from operations_guard.token_counts import CACHE_READ, dollars_of, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from operations_guard.guard_input import GuardedTenant, GuardInput, Price
    from operations_guard.token_counts import Counts

OPEN, WARNED, REACHED = "open", "warned", "reached"
# A tenant far below its limits is read at least so often, so that thresholds are told within hours.
LONGEST_MINUTES = 360
# AWS's quota does not count tokens read from a cache. For the dollars that could be spent in a minute, at most so
# many of them are assumed for each token that it counts.
CACHE_READS_PER_TOKEN = 10


class PriceMissingError(Exception):
    """A limit is in dollars, and a model that was called has no price."""


@dataclass(frozen=True)
class WindowUse:
    """What was used of one limit in the window of now."""

    limit: Limit
    window: QuotaWindow
    used: float

    @property
    def percent(self) -> float:
        """The used part of the limit."""
        return 100 * self.used / self.limit.most

    @property
    def is_reached(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.limit.most

    def level(self, warn_at: Iterable[float]) -> float:
        """Return the highest percent to tell that was passed; 0 for none and 100 for a reached limit."""
        if self.is_reached:
            return 100
        return max((level for level in warn_at if level <= self.percent), default=0)

    def state(self, warn_at: Iterable[float]) -> str:
        """Return OPEN, WARNED or REACHED."""
        if self.is_reached:
            return REACHED
        return WARNED if self.level(warn_at) else OPEN


@dataclass(frozen=True)
class Decision:
    """What holds for a tenant now: all calls denied, or those of some aliases, or none."""

    uses: tuple[WindowUse, ...]
    next_read: datetime

    @property
    def is_denied(self) -> bool:
        """Whether all calls are denied."""
        return any(use.is_reached and use.limit.alias is None for use in self.uses)

    @property
    def denied_aliases(self) -> frozenset[str]:
        """The aliases whose own limit is reached."""
        return frozenset(
            use.limit.alias for use in self.uses if use.is_reached and use.limit.alias is not None
        )


def decide(
    tenant: GuardedTenant, guard_input: GuardInput, counts: Sequence[Counts], now: datetime
) -> Decision:
    """Compare each limit with the counts; raises PriceMissingError."""
    uses = tuple(
        _use(limit, window_at(limit.window, now, tenant.time_zone), counts, guard_input.prices)
        for limit in tenant.limits
    )
    return Decision(uses, _next_read(tenant, guard_input, uses, now))


def _use(
    limit: Limit, window: QuotaWindow, counts: Sequence[Counts], prices: Mapping[str, Price]
) -> WindowUse:
    used = 0.0
    for count in counts:
        if limit.alias not in (None, count.alias):
            continue
        sums = count.sums(window.start, window.end)
        if limit.unit == TOKENS:
            used += tokens_of(sums)
        elif any(sums.values()):
            if count.model not in prices:
                raise PriceMissingError(
                    f"{count.model} of the alias {count.alias} has no price, and a limit is in dollars; "
                    "write one into operations.guard.prices and apply."
                )
            used += dollars_of(sums, prices[count.model])
    return WindowUse(limit, window, used)


def _next_read(
    tenant: GuardedTenant, guard_input: GuardInput, uses: Sequence[WindowUse], now: datetime
) -> datetime:
    """Return when a limit could be reached at the account's full rate, or a window ends.

    A run may be late by the minutes between two runs, so they are taken off.
    """
    is_denied = any(use.is_reached and use.limit.alias is None for use in uses)
    minutes = float(LONGEST_MINUTES)
    for use in () if is_denied else uses:
        # The next run is to stop a profile that a stopped alias gets after this one.
        rate = None if use.is_reached else most_in_a_minute(tenant, guard_input, use.limit)
        left = 0.0 if rate is None else (use.limit.most - use.used) / rate
        minutes = min(minutes, left - guard_input.minutes)
    next_read = now + timedelta(minutes=max(minutes, guard_input.minutes))
    return min([next_read, *(use.window.end for use in uses)])


def most_in_a_minute(tenant: GuardedTenant, guard_input: GuardInput, limit: Limit) -> float | None:
    """Return the tokens or US dollars that could be used in a minute; None if a model's quota is not known."""
    rate = 0.0
    for model in tenant.models_of(limit):
        tokens = guard_input.tokens_per_minute.get(model)
        if tokens is None:
            return None
        rate += tokens * (1 if limit.unit == TOKENS else _dearest(guard_input.prices.get(model)))
    return rate or None


def _dearest(price: Price | None) -> float:
    """Return the most US dollars that one token of AWS's quota may cost."""
    if price is None:
        return 0.0
    reads = {CACHE_READ: float(CACHE_READS_PER_TOKEN)}
    dearest = max(price.input, price.output, price.cache_write) / 1_000_000
    return dearest + dollars_of(reads, price)
