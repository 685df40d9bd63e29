"""The limits of PutLogEvents, as a pure function of a batch and the time.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BATCH_BYTES = 1_048_576  # with EVENT_OVERHEAD for each event
BATCH_EVENTS = 10_000
EVENT_OVERHEAD = 26
_DAY = 86_400_000  # all times are milliseconds
_OLDEST = 14 * _DAY
_NEWEST = 2 * 3_600_000


@dataclass(frozen=True)
class Accepted:
    """What is stored of a batch, and AWS's word on the rest (``rejectedLogEventsInfo``)."""

    events: Sequence[Mapping[str, Any]]
    rejected: Mapping[str, int]


def accept(
    events: Sequence[Mapping[str, Any]], *, now: int, retention_days: int | None
) -> Accepted:
    """Split a batch into what is stored and what is rejected.

    ``now`` is in milliseconds. Raises ServiceError (InvalidParameterException) when the batch as
    a whole is refused. Rejected events are a prefix (too old, expired) or a suffix (too new):
    the end indexes are exclusive, the start index is inclusive.
    """
    _check_size(events)
    times = [int(event["timestamp"]) for event in events]
    if times != sorted(times):
        raise _invalid(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    too_old = sum(time < now - _OLDEST for time in times)
    kept_for = _OLDEST if retention_days is None else min(retention_days * _DAY, _OLDEST)
    expired = sum(time < now - kept_for for time in times)
    new_from = sum(time <= now + _NEWEST for time in times)
    valid = times[max(too_old, expired) : new_from]
    if valid and valid[-1] - valid[0] > _DAY:
        raise _invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    rejected = {}
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        rejected["expiredLogEventEndIndex"] = expired
    if new_from < len(times):
        rejected["tooNewLogEventStartIndex"] = new_from
    return Accepted(events[max(too_old, expired) : new_from], rejected)


def reject(events: Sequence[Mapping[str, Any]], rejected: Mapping[str, int]) -> Accepted:
    """Take what ``rejected``, in AWS's words, leaves of a batch."""
    old = max(rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0))
    return Accepted(events[old : rejected.get("tooNewLogEventStartIndex")], rejected)


def _check_size(events: Sequence[Mapping[str, Any]]) -> None:
    if not events:
        raise _invalid("logEvents must have length greater than or equal to 1.")
    if len(events) > BATCH_EVENTS:
        raise _invalid(f"logEvents must have length less than or equal to {BATCH_EVENTS}.")
    if any(not event.get("message") for event in events):
        raise _invalid("message must have length greater than or equal to 1.")
    size = sum(len(str(event["message"]).encode()) + EVENT_OVERHEAD for event in events)
    if size > BATCH_BYTES:
        raise _invalid(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES}")


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)
