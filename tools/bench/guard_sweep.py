"""A run of the guard over 1,000 tenants with three models each, of which nobody has used anything new.

The tenants are in shards, each with a schedule of its own, and a run of the guard is one of each shard. Its calls are
answered by the local AWS on the same machine.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from operations_guard.guard_input import read_guard_input
from operations_guard.quota_sweep import QuotaSweep
from operations_guard.reading_cost import reading_cost
from tools.bench.figures import Figure, Goal, Section
from tools.bench.guarded_tenants import MODEL, GuardedTenants, event, quota, settings
from tools.localaws.background import temporary_local_aws
from tools.localaws.control import Control

if TYPE_CHECKING:
    import argparse

    from operations_guard.guard_input import GuardInput

TENANTS = 1_000
SHARDS = 5
MODELS = ("fast", "large", "vision")
RUNS = 3
MOST_SECONDS, MOST_CALLS = 10.0, 60.0
MINUTES = 5.0
# What each tenant may use in a month, and half of which it uses, at an account's quota of tokens a minute.
LIMIT, TOKENS_PER_MINUTE = 500_000_000.0, 200_000.0


class CountedCalls:
    """Connects the guard and counts what it sends."""

    def __init__(self, tenants: GuardedTenants) -> None:
        self._tenants = tenants
        self._registered: set[str] = set()
        self.number = 0

    def connect(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients
        """Return the guard's client."""
        client = self._tenants.guard_client(service)
        if service not in self._registered:
            self._registered.add(service)
            client.meta.events.register("before-send", self._count)
        return client

    def _count(self, **_: object) -> None:
        self.number += 1


def guard(options: argparse.Namespace) -> Section:
    """Measure the runs over 1,000 tenants."""
    return measure(TENANTS, options.runs or RUNS)


def measure(number_of_tenants: int, runs: int) -> Section:
    """Measure the first run, which reads every tenant, and those after it, and compute the cost of the metrics."""
    names = [f"tenant-{number:04}" for number in range(number_of_tenants)]
    with temporary_local_aws() as control_url:
        tenants = GuardedTenants(Control(control_url))
        _prepare(tenants, names)
        inputs = _inputs(names, {MODEL: TOKENS_PER_MINUTE})
        calls = CountedCalls(tenants)
        first_seconds, first_calls = _sweep(calls, inputs)
        _sweep(calls, inputs)  # writes what the first run left
        seconds, numbers = [], []
        for _ in range(runs):
            tenants.control.advance_clock(300)
            spent, number = _sweep(calls, inputs)
            seconds.append(spent)
            numbers.append(float(number))
        # Without a known rate every run reads every tenant. The new input makes the first of these runs write too.
        unknown = _inputs(names, {})
        for _ in range(2):
            _sweep(calls, unknown)
        tenants.control.advance_clock(300)
        all_seconds, all_calls = _sweep(calls, unknown)
    cost = {
        "usual": reading_cost(len(MODELS), minutes=MINUTES).dollars,
        "ours": reading_cost(
            len(MODELS),
            minutes=MINUTES,
            tokens_per_minute=TOKENS_PER_MINUTE * len(MODELS),
            limit=LIMIT,
            used=LIMIT / 2,
        ).dollars,
    }
    costs = [
        Figure(
            f"metrics of a month, {number:,} tenants",
            "US dollars",
            {variant: [dollars * number] for variant, dollars in cost.items()},
        )
        for number in (10, 100, 1_000)
    ]
    figures = [
        Figure("first run, all tenants are read", "s", {"ours": [first_seconds]}),
        Figure("its calls", "calls", {"ours": [float(first_calls)]}),
        Figure("next run, nothing has changed", "s", {"ours": seconds}),
        Figure("its calls", "calls", {"ours": numbers}),
        Figure("the same without a known rate", "s", {"ours": [all_seconds]}),
        Figure("its calls", "calls", {"ours": [float(all_calls)]}),
        *costs,
    ]
    goals = [
        Goal("a run in which nothing has changed", max(seconds), MOST_SECONDS, "s"),
        Goal("its calls to AWS", max(numbers), MOST_CALLS, "calls"),
    ]
    return Section(figures, goals)


def _prepare(tenants: GuardedTenants, names: list[str]) -> None:
    """Make the tenants, each of which has used something."""
    tenants.prepare()
    for name in names:
        tenants.add_tenant(name, *MODELS)
        tenants.use(name, MODELS[0], 1_000)


def _inputs(names: list[str], rates: dict[str, float]) -> list[GuardInput]:
    """Return the input of each shard."""
    size = len(names) // SHARDS
    return [
        read_guard_input(
            event(
                {
                    name: quota(*MODELS, tokens_per_month=LIMIT)
                    for name in names[shard * size : (shard + 1) * size]
                },
                shard=shard,
                tokens_per_minute=rates,
            )
        )
        for shard in range(SHARDS)
    ]


def _sweep(calls: CountedCalls, inputs: list[GuardInput]) -> tuple[float, int]:
    """Run the guard for each shard, and return the seconds and the calls of all of them."""
    before, started = calls.number, time.monotonic()
    for guard_input in inputs:
        QuotaSweep(calls.connect, settings(), guard_input).run()
    return time.monotonic() - started, calls.number - before
