"""What Bedrock counted for tenants' profiles, read from CloudWatch in few calls and few metrics.

Each metric that is asked for is paid: https://aws.amazon.com/cloudwatch/pricing/. So the number of calls is asked for
first, and tokens only where there were calls.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operations_guard.guard_input import Price
    from operations_guard.tracked_profiles import TrackedProfile

CALLS = "Invocations"
INPUT, OUTPUT = "InputTokenCount", "OutputTokenCount"
CACHE_READ, CACHE_WRITE = "CacheReadInputTokenCount", "CacheWriteInputTokenCount"
# What AWS's own quota of tokens per minute counts too; tokens read from a cache are not in it:
# https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
QUOTA_METRICS = (INPUT, OUTPUT, CACHE_WRITE)
TOKEN_METRICS = (*QUOTA_METRICS, CACHE_READ)
# Of one GetMetricData: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_MOST_METRICS = 500
# The other statuses of a result are InternalError and Forbidden, which have no values:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
_STATUSES = frozenset({"Complete", "PartialData"})
_MOST_POINTS = 100_800
_AT_ONCE = 4


class CountsNotReadError(Exception):
    """CloudWatch did not return a metric; ``status`` is what it answered instead."""

    def __init__(self, status: str) -> None:
        super().__init__(f"CloudWatch answers {status} for a count of Bedrock's.")
        self.status = status


@dataclass(frozen=True)
class Span:
    """The time that is asked for: whole periods of ``period`` seconds."""

    start: datetime
    end: datetime
    period: int

    @property
    def points(self) -> int:
        """The most data points that a metric has in the span."""
        return max(1, int((self.end - self.start).total_seconds()) // self.period)


def span_until(start: datetime, now: datetime, period: int) -> Span:
    """Return the span from ``start`` to the end of the period in which ``now`` is."""
    first, last = int(start.timestamp()), int(now.timestamp())
    first -= first % period
    return Span(
        datetime.fromtimestamp(first, UTC),
        datetime.fromtimestamp(last - last % period, UTC) + timedelta(seconds=period),
        period,
    )


@dataclass(frozen=True)
class Counts:
    """Tokens of one alias and model, by metric, in the periods since ``start`` (seconds since 1970)."""

    alias: str
    model: str
    points: Mapping[str, Sequence[tuple[float, float]]]

    def sums(self, start: datetime, end: datetime) -> dict[str, float]:
        """Return the sum of each metric from ``start`` until just before ``end``."""
        first, last = start.timestamp(), end.timestamp()
        return {
            metric: sum(value for time, value in points if first <= time < last)
            for metric, points in self.points.items()
        }


def tokens_of(sums: Mapping[str, float]) -> float:
    """Return the tokens that count towards a quota."""
    return sum(sums.get(metric, 0) for metric in QUOTA_METRICS)


def dollars_of(sums: Mapping[str, float], price: Price) -> float:
    """Return the US dollars that tokens cost."""
    parts = {
        INPUT: price.input,
        OUTPUT: price.output,
        CACHE_READ: price.cache_read,
        CACHE_WRITE: price.cache_write,
    }
    return sum(sums.get(metric, 0) * dollars for metric, dollars in parts.items()) / 1_000_000


@dataclass
class CountReader:
    """Reads the counts of profiles; ``metrics`` is how many were asked for."""

    cloudwatch: Any  # boto3's client, of the operations Region
    metrics: int = 0
    calls: int = field(default=0)

    def read(self, profiles: Iterable[tuple[TrackedProfile, Span]]) -> dict[str, list[Counts]]:
        """Return the counts by tenant; raises CountsNotReadError and botocore's errors."""
        spans = list(profiles)
        called = self.points(
            (span, model_id, CALLS) for profile, span in spans for model_id in profile.model_ids
        )
        tokens = self.points(
            (span, model_id, metric)
            for profile, span in spans
            for model_id in profile.model_ids
            if called[span, model_id, CALLS]
            for metric in TOKEN_METRICS
        )
        counts: dict[str, list[Counts]] = defaultdict(list)
        for profile, span in spans:
            points = {
                metric: [
                    point
                    for model_id in profile.model_ids
                    for point in tokens.get((span, model_id, metric), ())
                ]
                for metric in TOKEN_METRICS
            }
            counts[profile.tenant].append(Counts(profile.alias, profile.model, points))
        return counts

    def points(self, questions: Iterable[Question]) -> dict[Question, list[tuple[float, float]]]:
        """Return the data points of each question; raises as ``read``."""
        by_span: dict[Span, list[Question]] = defaultdict(list)
        for question in questions:
            by_span[question[0]].append(question)
        batches = [
            asked[first : first + size]
            for span, asked in by_span.items()
            for size in [max(1, min(_MOST_METRICS, _MOST_POINTS // span.points))]
            for first in range(0, len(asked), size)
        ]
        self.metrics += sum(map(len, batches))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = pool.map(self._read_batch, batches)
            return {question: points for answer in answers for question, points in answer.items()}

    def _read_batch(
        self, questions: Sequence[Question]
    ) -> dict[Question, list[tuple[float, float]]]:
        span = questions[0][0]
        pages = self.cloudwatch.get_paginator("get_metric_data").paginate(
            StartTime=span.start,
            EndTime=span.end,
            MetricDataQueries=[
                _query(number, question) for number, question in enumerate(questions)
            ],
        )
        points: dict[Question, list[tuple[float, float]]] = {each: [] for each in questions}
        for page in pages:
            self.calls += 1
            for result in page["MetricDataResults"]:
                if result["StatusCode"] not in _STATUSES:
                    raise CountsNotReadError(result["StatusCode"])
                points[questions[int(result["Id"][1:])]] += [
                    (time.timestamp(), value)
                    for time, value in zip(result["Timestamps"], result["Values"], strict=True)
                ]
        return points


Question = tuple[Span, str, str]  # the span, the model id and the metric's name


def _query(number: int, question: Question) -> dict[str, Any]:
    span, model_id, metric = question
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Bedrock",
                "MetricName": metric,
                "Dimensions": [{"Name": "ModelId", "Value": model_id}],
            },
            "Period": span.period,
            "Stat": "Sum",
        },
    }
