"""What it costs to read a tenant's counts for a month: CloudWatch asks money for each metric that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from operations_guard.quota_decision import LONGEST_MINUTES
from operations_guard.token_counts import TOKEN_METRICS

# US dollars for a metric that GetMetricData returns, in most Regions: https://aws.amazon.com/cloudwatch/pricing/
DOLLARS_FOR_A_METRIC = 0.01 / 1_000
_MONTH = 30 * 24 * 60  # minutes
# A profile is asked for the number of calls under two names, and for tokens under the one that was used.
_METRICS_OF_A_PROFILE = 2 + len(TOKEN_METRICS)


@dataclass(frozen=True)
class ReadingCost:
    """The reads of a month, and the metrics that they ask for."""

    reads: int
    metrics: int

    @property
    def dollars(self) -> float:
        """The price in US dollars."""
        return self.metrics * DOLLARS_FOR_A_METRIC


def reading_cost(
    profiles: int,
    *,
    minutes: float,
    tokens_per_minute: float | None = None,
    limit: float = 0,
    used: float = 0,
) -> ReadingCost:
    """Return the cost of one tenant that uses ``used`` tokens of its month's ``limit``, evenly.

    ``minutes`` are between two runs. Without ``tokens_per_minute`` every run reads the tenant.
    """
    time, reads = 0.0, 0
    while time < _MONTH:
        reads += 1
        left = limit - used * time / _MONTH
        wait = 0.0 if tokens_per_minute is None else left / tokens_per_minute - minutes
        time += max(minutes, min(LONGEST_MINUTES, wait))
    return ReadingCost(reads, reads * profiles * _METRICS_OF_A_PROFILE)
