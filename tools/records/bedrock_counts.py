"""Compares records with what Bedrock counted, and finds calls that are unaccounted for.

Bedrock counts each application inference profile by itself, under the name that the caller used:
https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.records.reader import Entry

# How long CloudWatch keeps data points of a minute, of five minutes and of an hour (in seconds):
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
_RETENTIONS = {timedelta(days=15): 60, timedelta(days=63): 300, timedelta(days=455): 3600}
_METRICS = {
    "calls": "Invocations",
    "input_tokens": "InputTokenCount",
    "output_tokens": "OutputTokenCount",
    "cache_read_tokens": "CacheReadInputTokenCount",
    "cache_write_tokens": "CacheWriteInputTokenCount",
}


@dataclass(frozen=True)
class Counts:
    """Calls that Bedrock answered, and their tokens."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True)
class Comparison:
    """Bedrock's counts of one profile in one Region beside those of the records.

    ``gaps`` are the record ids of calls with a start mark and no end, which may have been paid.
    ``doubtful_calls`` are attempts without an answer that the caller received.
    """

    alias: str
    profile: str
    region: str
    counted: Counts
    recorded: Counts
    doubtful_calls: int
    gaps: tuple[str, ...]

    @property
    def unaccounted_calls(self) -> int:
        """Calls that Bedrock answered and that neither a record nor a gap explains."""
        explained = self.recorded.calls + self.doubtful_calls + len(self.gaps)
        return max(0, self.counted.calls - explained)


def bedrock_counts(
    cloudwatch: Any,  # noqa: ANN401 - boto3's client, in one Region of the operations account
    profile: str,
    since: datetime,
    until: datetime,
) -> Counts:
    """Return what Bedrock counted for one profile; CommandError when CloudWatch refuses.

    Bedrock counts under the identifier that the caller passed: ARN or id.
    """
    model_ids = (profile, profile.rpartition("/")[2])
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        StartTime=since,
        EndTime=until,
        MetricDataQueries=[
            {
                "Id": f"{name}_{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Bedrock",
                        "MetricName": metric,
                        "Dimensions": [{"Name": "ModelId", "Value": model_id}],
                    },
                    "Period": _resolution(since),
                    "Stat": "Sum",
                },
            }
            for name, metric in _METRICS.items()
            for number, model_id in enumerate(model_ids)
        ],
    )
    sums = dict.fromkeys(_METRICS, 0)
    try:
        for page in pages:
            for result in page["MetricDataResults"]:
                sums[result["Id"].rpartition("_")[0]] += int(sum(result["Values"]))
    except cloudwatch.exceptions.ClientError as error:
        message = error.response["Error"]["Message"]
        raise CommandError(f"Bedrock's counts cannot be read: {message}") from None
    return Counts(**sums)


def compare(
    alias: str, profile: str, region: str, entries: Iterable[Entry], counted: Counts
) -> Comparison:
    """Return the records' counts of one profile in one Region beside Bedrock's."""
    matches = [
        entry
        for entry in entries
        if (entry.record.get("modelId"), entry.record.get("region")) == (profile, region)
    ]
    attempts = [
        attempt
        for entry in matches
        for attempt in entry.record["tenantBedrock"].get("attempts", ())
    ]
    # An incomplete call without an attempt was cut off before its request was answered.
    interrupted_calls = sum(
        entry.phase == "incomplete" and not entry.record["tenantBedrock"]["attempts"]
        for entry in matches
    )
    return Comparison(
        alias=alias,
        profile=profile,
        region=region,
        counted=counted,
        recorded=Counts(
            calls=sum(attempt.get("status") == 200 for attempt in attempts),
            input_tokens=_total(matches, "input", "inputTokenCount"),
            output_tokens=_total(matches, "output", "outputTokenCount"),
            cache_read_tokens=_total(matches, "input", "cacheReadInputTokenCount"),
            cache_write_tokens=_total(matches, "input", "cacheWriteInputTokenCount"),
        ),
        doubtful_calls=sum("status" not in attempt for attempt in attempts) + interrupted_calls,
        gaps=tuple(entry.id for entry in matches if entry.phase == "start"),
    )


def _resolution(since: datetime) -> int:
    """Return the seconds of the finest data points that CloudWatch still has of ``since``."""
    age = datetime.now(UTC) - since
    resolutions = (seconds for retention, seconds in _RETENTIONS.items() if age <= retention)
    return next(resolutions, max(_RETENTIONS.values()))


def _total(entries: Iterable[Entry], side: str, name: str) -> int:
    return sum(entry.record.get(side, {}).get(name, 0) for entry in entries)
