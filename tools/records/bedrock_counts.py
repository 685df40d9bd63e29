"""Compares records with what Bedrock counted, and finds calls that are unaccounted for.

Bedrock counts each application inference profile by itself, under the name that the caller used:
https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from operations_guard.token_counts import (
    CACHE_READ,
    CACHE_WRITE,
    CALLS,
    INPUT,
    OUTPUT,
    CountReader,
    CountsNotReadError,
    Span,
)
from operations_guard.tracked_profiles import model_ids
from tools.command_error import CommandError
from tools.records.event import differ_by_masks_alone, member, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.records.event import Record
    from tools.records.reader import Entry

# How long CloudWatch keeps data points of a minute, of five minutes and of an hour (in seconds). It rounds
# the start of a query down to a whole period:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_RETENTIONS = {timedelta(days=15): 60, timedelta(days=63): 300, timedelta(days=455): 3600}
# Between the choice of a period and CloudWatch's answer, data points may pass the end of their retention.
_MARGIN = timedelta(hours=1)
# AWS advises clients of large models to wait so long for an answer:
# https://repost.aws/knowledge-center/bedrock-large-model-read-timeouts
LONGEST_CALL = timedelta(hours=1)
_METRICS = {
    "calls": CALLS,
    "input_tokens": INPUT,
    "output_tokens": OUTPUT,
    "cache_read_tokens": CACHE_READ,
    "cache_write_tokens": CACHE_WRITE,
}
# A profile's ARN and its id are two names, each with every metric.
METRICS_OF_A_PROFILE = 2 * len(_METRICS)
# botocore's errors of an attempt that never reached Bedrock.
_NOT_CONNECTED = {"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"}
# The errors of a call that ended before its request was sent.
_NOT_SENT = _NOT_CONNECTED | {
    "CredentialRetrievalError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "RoleRefusedError",
}

Certainty = Literal["answered", "failed", "doubtful"]


@dataclass(frozen=True)
class Counts:
    """Calls that Bedrock counted or that records hold, and their tokens."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both together."""
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True)
class Window:
    """The time that is compared: whole periods of CloudWatch's data points, in seconds."""

    since: datetime
    until: datetime
    period: int


@dataclass(frozen=True)
class Comparison:
    """Bedrock's counts of one profile in one Region beside those of the records.

    ``recorded`` are calls that Bedrock answered and so has counted. Each of the others may be in
    Bedrock's count or not: ``failed_calls`` were answered with an error, ``doubtful_calls`` have an
    outcome or a time that is not known, and ``gaps`` are the record ids of calls with a start mark and
    no end. ``are_tokens_known`` is False if a record of an answer does not state its tokens.
    """

    alias: str
    profile: str
    region: str
    counted: Counts
    recorded: Counts
    failed_calls: int
    doubtful_calls: int
    gaps: tuple[str, ...]
    are_tokens_known: bool = True

    @property
    def unaccounted_calls(self) -> int:
        """The calls that Bedrock counted and that nothing explains: at least so many have no record.

        A failed call has no answer, so output tokens beyond those of the records are of a call without one.
        """
        doubtful = self.doubtful_calls + len(self.gaps)
        unexplained = self.counted.calls - self.recorded.calls - self.failed_calls - doubtful
        has_unexplained_answer = (
            self.are_tokens_known
            and not doubtful
            and self.counted.output_tokens > self.recorded.output_tokens
        )
        return min(self.most_unaccounted_calls, max(unexplained, int(has_unexplained_answer)))

    @property
    def most_unaccounted_calls(self) -> int:
        """The calls that have no record at most: if Bedrock counted none of the undecided ones."""
        return max(0, self.counted.calls - self.recorded.calls)


def whole_periods(since: datetime, until: datetime) -> Window:
    """Return the window of the whole periods that the time from ``since`` to ``until`` touches.

    Records are compared for the same window, because CloudWatch has only whole periods. The last one
    may not be over yet. Raises CommandError when CloudWatch has no data points of ``since`` any more.
    """
    now = datetime.now(UTC)
    age = now - since
    period = next(
        (period for retention, period in _RETENTIONS.items() if age + _MARGIN < retention), None
    )
    if period is None:
        raise CommandError(
            "CloudWatch keeps Bedrock's counts for 455 days; choose a SINCE= after "
            f"{now - max(_RETENTIONS):%Y-%m-%d}."
        )
    # Down to the period's start, and up to the end of the period that has begun.
    since_seconds, until_seconds = int(since.timestamp()), math.ceil(min(until, now).timestamp())
    return Window(
        datetime.fromtimestamp(since_seconds - since_seconds % period, UTC),
        datetime.fromtimestamp(until_seconds + -until_seconds % period, UTC),
        period,
    )


def bedrock_counts(
    cloudwatch: Any,  # noqa: ANN401 - boto3's client, in one Region of the operations account
    profile: str,
    window: Window,
) -> Counts:
    """Return what Bedrock counted for one profile; CommandError when CloudWatch refuses.

    Bedrock counts under the identifier that the caller passed: ARN or id.
    """
    span = Span(window.since, window.until, window.period)
    try:
        points = CountReader(cloudwatch).points(
            (span, model_id, metric)
            for metric in _METRICS.values()
            for model_id in model_ids(profile)
        )
    except CountsNotReadError as error:
        raise CommandError(
            f"Bedrock's counts cannot be read: CloudWatch answers {error.status}. Run the command again."
        ) from None
    except ClientError as error:
        message = error.response["Error"]["Message"]
        raise CommandError(f"Bedrock's counts cannot be read: {message}") from None
    sums = dict.fromkeys(_METRICS.values(), 0)
    for (_, _, metric), values in points.items():
        sums[metric] += int(sum(value for _, value in values))
    return Counts(**{name: sums[metric] for name, metric in _METRICS.items()})


def compare(
    alias: str,
    profile: str,
    region: str,
    entries: Iterable[Entry],
    counted: Counts,
    *,
    window: Window,
) -> Comparison:
    """Return the records' counts of one profile in one Region beside Bedrock's.

    ``entries`` may be of calls that began up to ``LONGEST_CALL`` before the window. AWS does not say
    whether Bedrock counts a call when it begins or when it ends, so one that is in the window with a
    part of its time is doubtful. So is a record that masks make unreadable, of every profile.
    """
    answered, failed, doubtful, gaps = 0, 0, 0, []
    ended: list[Entry] = []
    are_tokens_known = True
    for entry in entries:
        if entry.is_readable and not _is_of(entry.record, profile, region):
            continue
        share = _share_in(window, entry)
        if share == "none":
            continue
        calls = certainties(entry)
        if not entry.is_readable:
            doubtful += 1
        elif share == "part" or (entry.phase == "start" and entry.has_masked_id):
            doubtful += len(calls)
        elif entry.phase == "start":
            gaps.append(entry.id)
        else:
            answered += calls.count("answered")
            failed += calls.count("failed")
            doubtful += calls.count("doubtful")
            ended.append(entry)
            are_tokens_known &= "answered" not in calls or isinstance(
                member(entry.record, "output", "outputTokenCount"), int
            )
    return Comparison(
        alias=alias,
        profile=profile,
        region=region,
        counted=counted,
        recorded=Counts(
            calls=answered,
            input_tokens=_total(ended, "input", "inputTokenCount"),
            output_tokens=_total(ended, "output", "outputTokenCount"),
            cache_read_tokens=_total(ended, "input", "cacheReadInputTokenCount"),
            cache_write_tokens=_total(ended, "input", "cacheWriteInputTokenCount"),
        ),
        failed_calls=failed,
        doubtful_calls=doubtful,
        gaps=tuple(gaps),
        are_tokens_known=are_tokens_known,
    )


def certainties(entry: Entry) -> list[Certainty]:
    """Return, for each request of a call that Bedrock may have counted, how certain that is.

    ``Invocations`` has every request that Bedrock accepted for processing, those that failed later
    included, but no throttled one and none that was rejected during validation. An older version of
    the page says that it has the successful requests only. So an answer is counted, a throttle is not,
    and of other failures the record cannot tell:
    https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html

    A call that was cut off has one request more than its attempts if it may have been sent again.
    """
    if entry.phase == "start":
        return ["doubtful"]
    details = entry.record["tenantBedrock"]
    attempts = details.get("attempts", [])
    calls = [_certainty_of_attempt(attempt, entry) for attempt in attempts]
    if _has_another_request(entry, attempts):
        calls.append("doubtful")
    return [call for call in calls if call is not None]


def _certainty_of_attempt(attempt: dict[str, Any], entry: Entry) -> Certainty | None:
    status, code = attempt.get("status"), attempt.get("errorCode")
    if status == 200:
        is_broken_stream = (
            entry.record.get("operation") == "ConverseStream" and entry.phase != "end"
        )
        return "doubtful" if is_broken_stream else "answered"
    if not isinstance(status, int):  # no response, or one that is masked
        return None if code in _NOT_CONNECTED else "doubtful"
    # Identity and access are checked, and the model is looked up, before a request is accepted.
    is_refused = status in (401, 403, 404) or (status == 429 and code != "ModelNotReadyException")
    return None if is_refused or code == "ThrottlingException" else "failed"


def _has_another_request(entry: Entry, attempts: list[dict[str, Any]]) -> bool:
    """Return whether a request may have been sent whose end is not among the attempts."""
    last = attempts[-1] if attempts else {}
    status = last.get("status")
    if entry.phase == "incomplete":
        # botocore repeats a request after no response, a throttle and a server's error.
        return not isinstance(status, int) or status == 429 or status >= 500
    if entry.phase != "error" or status == 200:
        return False
    record = entry.record
    if attempts and last.get("errorCode") in (None, record.get("errorCode")):
        return False
    # An error from AWS that is not an attempt's came from STS, before the request. botocore adds no attempt
    # for an answer that it cannot parse.
    error = member(record, "tenantBedrock", "error", "type")
    was_sent = "input" in record or bool(attempts)
    return was_sent and error != "ClientError" and record.get("errorCode") not in _NOT_SENT


def _is_of(record: Record, profile: str, region: str) -> bool:
    return differ_by_masks_alone(record.get("region", ""), region) and any(
        differ_by_masks_alone(record.get("modelId", ""), name) for name in model_ids(profile)
    )


def _share_in(window: Window, entry: Entry) -> Literal["all", "part", "none"]:
    """Return how much of a call's time is in the window; without an end, it may have lasted an hour."""
    begin = time_of(entry.record)
    if begin is None:
        return "all"
    if begin >= window.until:
        return "none"
    end = _end_of(entry.record, begin)
    if end < window.since:
        return "none"
    if entry.phase == "start" and begin >= window.since:
        return "all"  # named as a gap of the window in which it began
    return "all" if begin >= window.since and end < window.until else "part"


def _end_of(record: Record, begin: datetime) -> datetime:
    """Return when a call was over at the latest."""
    now = datetime.now(UTC)
    if begin >= now:  # another machine's clock
        return begin
    milliseconds = member(record, "tenantBedrock", "latencies", "totalMs")
    longest = LONGEST_CALL / timedelta(milliseconds=1)
    if not isinstance(milliseconds, (int, float)) or not 0 <= milliseconds <= longest:
        milliseconds = longest
    return min(begin + timedelta(milliseconds=milliseconds), now)


def _total(entries: Iterable[Entry], side: str, name: str) -> int:
    counts = (member(entry.record, side, name) for entry in entries)
    return sum(count for count in counts if isinstance(count, int))
