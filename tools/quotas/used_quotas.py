"""What tenants have used in each window, beside what the guard enforces.

The limits are those of the guard's own schedules, so this shows what is applied and not what a stanza says.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from operations_guard.guard_input import DAY, MONTH, TOKENS, USD, Limit, read_guard_input
from operations_guard.quota_decision import OPEN, REACHED, WARNED, most_in_a_minute
from operations_guard.quota_windows import period_of, window_at
from operations_guard.token_counts import (
    CountReader,
    CountsNotReadError,
    dollars_of,
    span_until,
    tokens_of,
)
from operations_guard.tracked_profiles import list_profiles
from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from operations_guard.guard_input import GuardedTenant, GuardInput
    from operations_guard.quota_windows import QuotaWindow
    from operations_guard.token_counts import Counts
    from tools.cli.targets import Target

# How long what is used stays unseen, beside the minutes between two runs: most of Bedrock's counts are in CloudWatch
# within five minutes, and most changes of IAM have their effect within one. Neither is a promise of AWS:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
METRIC_MINUTES, IAM_MINUTES = 5, 1
# CloudWatch keeps data points of an hour for 455 days, and those of five minutes for 63:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
OLDEST = timedelta(days=455)
_SHORT = timedelta(days=62)
_HOUR = 3_600


@dataclass(frozen=True)
class UsedQuota:
    """What was used in one window: of an alias, or of all if ``alias`` is None.

    ``dollars`` is None if a model that was called has no price. ``state`` is "open", "warned" or "reached", and "no
    limit" without one.
    """

    tenant: str
    alias: str | None
    window: str
    start: datetime
    end: datetime
    tokens: float
    token_limit: float | None
    dollars: float | None
    dollar_limit: float | None
    state: str

    @property
    def data(self) -> dict[str, Any]:
        """The row as JSON and CSV have it."""
        return {**asdict(self), "start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True)
class OverspendBound:
    """The most that a tenant can use beyond a limit, in the limit's unit; None if a model's rate is not known."""

    tenant: str
    limit: Limit
    minutes: float
    most: float | None


def guard_inputs(target: Target) -> list[GuardInput]:
    """Return the input of each shard's schedule; CommandError if there is none, or AWS refuses."""
    environment = target.environment
    scheduler = target.client(target.operations(), "scheduler", environment.operations_region)
    prefix = f"bedrock-{environment.name}-quotas-"
    try:
        pages = scheduler.get_paginator("list_schedules").paginate(NamePrefix=prefix)
        names = sorted(item["Name"] for page in pages for item in page["Schedules"])
        inputs = [
            read_guard_input(json.loads(scheduler.get_schedule(Name=name)["Target"]["Input"]))
            for name in names
        ]
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"The guard's schedules cannot be read: {error}") from None
    if not inputs:
        raise CommandError(
            f"Nothing enforces quotas in {environment.name}, because its operations account has no guard; set "
            "operations.guard and apply."
        )
    # The schedules that a smaller number of shards has left behind do nothing. The first shard is never one of them.
    return [each for each in inputs if each.shards == inputs[0].shards]


def used_quotas(
    target: Target, guard_input: GuardInput, now: datetime, since: datetime | None = None
) -> list[UsedQuota]:
    """Return what each tenant of a shard has used, in the windows of now, or in all since ``since``.

    Windows of more than two months ago begin at a full hour, also in time zones that are not whole hours from UTC.
    Raises CommandError.
    """
    region = target.environment.operations_region
    operations = target.operations()
    windows = {
        name: list(_windows(tenant, now, since or now))
        for name, tenant in guard_input.tenants.items()
    }
    spans = {
        name: span_until(min(w.start for w in each), now, _period(each, now))
        for name, each in windows.items()
    }
    try:
        profiles = list_profiles(target.client(operations, "bedrock", region), guard_input)
        counts = CountReader(target.client(operations, "cloudwatch", region)).read(
            (profile, spans[profile.tenant]) for profile in profiles
        )
    except (BotoCoreError, ClientError, CountsNotReadError) as error:
        raise CommandError(f"Bedrock's counts cannot be read: {error}") from None
    return [
        _used(guard_input, tenant, alias, window, counts.get(name, ()))
        for name, tenant in guard_input.tenants.items()
        for window in windows[name]
        for alias in (None, *sorted(tenant.models))
    ]


def overspend_bounds(guard_input: GuardInput) -> list[OverspendBound]:
    """Return how much each tenant can use beyond each limit until it is stopped."""
    minutes = METRIC_MINUTES + guard_input.minutes + IAM_MINUTES
    bounds = []
    for tenant in guard_input.tenants.values():
        for limit in tenant.limits:
            rate = most_in_a_minute(tenant, guard_input, limit)
            most = None if rate is None else rate * minutes
            bounds.append(OverspendBound(tenant.name, limit, minutes, most))
    return bounds


def _windows(tenant: GuardedTenant, now: datetime, since: datetime) -> Iterator[QuotaWindow]:
    """Yield the months, and the days if a limit is one of a day, from the oldest to that of now."""
    kinds = {MONTH, *(limit.window for limit in tenant.limits)}
    for kind in sorted(kinds & {DAY, MONTH}):
        time = since
        while time <= now:
            window = window_at(kind, time, tenant.time_zone)
            yield window
            time = window.end


def _period(windows: Sequence[QuotaWindow], now: datetime) -> int:
    times = tuple(time for window in windows for time in (window.start, window.end))
    is_old = now - min(times) > _SHORT
    return period_of(times, shortest=_HOUR) if is_old else period_of(times)


def _used(
    guard_input: GuardInput,
    tenant: GuardedTenant,
    alias: str | None,
    window: QuotaWindow,
    counts: Sequence[Counts],
) -> UsedQuota:
    sums = [
        (count.model, count.sums(window.start, window.end))
        for count in counts
        if alias in (None, count.alias)
    ]
    tokens = sum(tokens_of(each) for _, each in sums)
    priced = [
        dollars_of(each, guard_input.prices[model])
        for model, each in sums
        if model in guard_input.prices
    ]
    has_all_prices = all(model in guard_input.prices for model, each in sums if any(each.values()))
    dollars = sum(priced) if has_all_prices else None
    limits = {
        limit.unit: limit.most
        for limit in tenant.limits
        if (limit.alias, limit.window) == (alias, window.kind)
    }
    parts = [
        used / limits[unit]
        for unit, used in ((TOKENS, tokens), (USD, dollars))
        if unit in limits and used is not None
    ]
    return UsedQuota(
        tenant=tenant.name,
        alias=alias,
        window=window.kind,
        start=window.start,
        end=window.end,
        tokens=tokens,
        token_limit=limits.get(TOKENS),
        dollars=dollars,
        dollar_limit=limits.get(USD),
        state=_state(max(parts, default=None), tenant.warn_at),
    )


def _state(part: float | None, warn_at: Sequence[float]) -> str:
    if part is None:
        return "no limit"
    if part >= 1:
        return REACHED
    return WARNED if any(100 * part >= level for level in warn_at) else OPEN
