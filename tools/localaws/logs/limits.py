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
class AcceptedBatch:
    """The stored events of a batch, and the ``rejectedLogEventsInfo`` about the other events."""

    events: Sequence[Mapping[str, Any]]
    rejected: Mapping[str, int]


def accept(
    events: Sequence[Mapping[str, Any]], *, now: int, retention_days: int | None
) -> AcceptedBatch:
    """Split a batch into stored and rejected events.

    ``now`` is in milliseconds. Raises ServiceError (InvalidParameterException) when the whole batch
    is refused. Rejected events are a prefix (too old, expired) or a suffix (too new): the end
    indexes are exclusive, the start index is inclusive.
    """
    _check_size(events)
    times = [int(event["timestamp"]) for event in events]
    if times != sorted(times):
        raise invalid_parameter(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    too_old = sum(time < now - _OLDEST for time in times)
    retention = _OLDEST if retention_days is None else min(retention_days * _DAY, _OLDEST)
    expired = sum(time < now - retention for time in times)
    too_new_index = sum(time <= now + _NEWEST for time in times)
    valid = times[max(too_old, expired) : too_new_index]
    if valid and valid[-1] - valid[0] > _DAY:
        raise invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    rejected = {}
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        rejected["expiredLogEventEndIndex"] = expired
    if too_new_index < len(times):
        rejected["tooNewLogEventStartIndex"] = too_new_index
    return AcceptedBatch(events[max(too_old, expired) : too_new_index], rejected)


def reject(events: Sequence[Mapping[str, Any]], rejected: Mapping[str, int]) -> AcceptedBatch:
    """Accept all events except those that ``rejected``, a ``rejectedLogEventsInfo``, excludes."""
    old = max(rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0))
    return AcceptedBatch(events[old : rejected.get("tooNewLogEventStartIndex")], rejected)


def _check_size(events: Sequence[Mapping[str, Any]]) -> None:
    if not events:
        raise invalid_parameter("logEvents must have length greater than or equal to 1.")
    if len(events) > BATCH_EVENTS:
        raise invalid_parameter(f"logEvents must have length less than or equal to {BATCH_EVENTS}.")
    if any(not event.get("message") for event in events):
        raise invalid_parameter("message must have length greater than or equal to 1.")
    size = sum(len(str(event["message"]).encode()) + EVENT_OVERHEAD for event in events)
    if size > BATCH_BYTES:
        raise invalid_parameter(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES}")


def invalid_parameter(message: str) -> ServiceError:
    """The error of CloudWatch Logs for an invalid request."""
    return ServiceError("InvalidParameterException", message)
