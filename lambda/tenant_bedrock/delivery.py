"""Delivery of records to the customer's log group, or of copies if CloudWatch does not take them."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tenant_bedrock.parts import split
from tenant_bedrock.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mypy_boto3_logs import CloudWatchLogsClient

    from tenant_bedrock.copies import Copies
    from tenant_bedrock.model_call import Outcome
    from tenant_bedrock.parts import RecordText

# A batch holds at most 1,048,576 bytes of UTF-8 plus 26 for each event, and one event may fill it. The
# limit of 10,000 events would need records of less than 79 bytes:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD = 26
EVENT_BYTES = BATCH_BYTES - EVENT_OVERHEAD
# Reserved before ``ends_at`` to write the copy and to answer.
COPY_SECONDS = 0.3
# With more time than this left, the calling thread puts the record itself: botocore gives up after 7 s,
# two attempts of 3 s each and a pause. That saves the hand-over to another thread.
AMPLE_SECONDS = 30


class RejectedError(Exception):
    """CloudWatch answered 200 but rejected the event."""


@dataclass(frozen=True)
class Receipt:
    """Where the record of a call of ``alias`` is.

    ``delivered``: in the record log group, acknowledged by CloudWatch. ``spilled``: a copy is in the
    function's own log, which has no acknowledgement, or in the spool of a computer outside Lambda.
    ``lost``: neither took it, so only the start mark exists. ``usage`` holds the tokens as Bedrock
    counted them, under Bedrock's names.
    """

    id: str
    delivery: Outcome
    alias: str | None
    usage: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The receipt for an answer's metadata; ``dataclasses.asdict`` would copy every word of it."""
        return {**vars(self), "usage": dict(self.usage)}


class Delivery:
    """Writes records to one stream of the record log group, with the customer's own keys.

    ``stream_name`` is called for the first record, not before: a snapshot of this process may be
    restored many times. ``open_copies`` opens the function's own log or a spool.
    """

    def __init__(
        self,
        logs: CloudWatchLogsClient,
        *,
        group: str,
        stream_name: Callable[[], str],
        open_copies: Callable[[], Copies],
    ) -> None:
        self._group = group
        self._stream_name = stream_name
        self._open_copies = open_copies
        self.start_with(logs)

    def start_with(self, logs: CloudWatchLogsClient) -> None:
        """Put with ``logs``, to a stream and a spool of this process; called again in a forked one."""
        self._logs = logs
        self._copies = self._open_copies()
        self._stream = ""
        self._retry_at = 0.0
        self._lock = threading.Lock()
        self._workers = Workers()

    def deliver(
        self, records: Iterable[RecordText], ends_at: float
    ) -> Iterator[tuple[RecordText, Outcome]]:
        """Put the records and yield the outcome of each as soon as it is known.

        Ends by ``ends_at``, in seconds of ``time.monotonic`` or infinite. CloudWatch's first error
        or timeout holds for the records after it too: they are copied without another attempt.
        """
        failure: str | None = None
        for group in _groups(records):
            rejected: set[int] = set()
            if failure is None:
                try:
                    rejected = self._put_group(group, ends_at)
                except Exception as error:  # noqa: BLE001 - after any error the record must be copied
                    failure = _reason(error)
            for number, record in enumerate(group.records):
                if failure is not None:
                    yield record, self.copy(record, failure)
                elif number in rejected:
                    yield record, self.copy(record, RejectedError.__name__)
                else:
                    yield record, "delivered"

    @property
    def has_spool(self) -> bool:
        """Whether copies wait on this computer and can be removed again."""
        return self._copies.retry_seconds is not None

    def copy(self, record: RecordText, reason: str) -> Outcome:
        """Write a copy of a record that CloudWatch has not acknowledged."""
        try:
            self._copies.write_copy(record, reason)
        except Exception:  # noqa: BLE001 - the outcome says that nothing has taken the record
            return "lost"
        return "spilled"

    def write_mark(self, mark: RecordText) -> None:
        """Write a start mark to the function's own log or the spool; raises OSError."""
        self._copies.write_mark(mark)

    def remove_copies(self, record_id: str) -> None:
        """Remove the mark and the copies of a call whose record CloudWatch has acknowledged."""
        with suppress(OSError):  # a file that stays is delivered a second time, and readers drop it
            self._copies.remove(record_id)

    def put_copies(self, ends_at: float) -> None:
        """Put copies that wait in the spool; CloudWatch's first error leaves the rest there."""
        if time.monotonic() < self._retry_at:
            return
        self._retry_at = time.monotonic() + (self._copies.retry_seconds or float("inf"))
        with suppress(BotoCoreError, ClientError, TimeoutError):
            for record in self._copies.waiting():
                (group,) = _groups([record])
                if self._put_group(group, ends_at):  # rejected: it stays, and so does the rest
                    break

    def seconds_to_retry(self) -> float | None:
        """Seconds until copies are put again; None if none can wait."""
        return max(0.0, self._retry_at - time.monotonic()) if self.has_spool else None

    def put_marks(self, marks: Iterable[RecordText]) -> None:
        """Put start marks; if that fails, the function's own log or the spool still has them."""
        with suppress(BotoCoreError, ClientError):
            for group in _groups(marks):
                self._put_group(group, float("inf"))

    def _put_group(self, group: _Group, ends_at: float) -> set[int]:
        """Put the batches of a group; returns the positions of the records that were rejected."""
        for batch in group.batches:
            if ends_at - time.monotonic() > AMPLE_SECONDS:
                positions = self._put(batch)
            else:
                positions = self._put_by(ends_at - COPY_SECONDS, batch)
            if positions:
                return set(positions)
        return set()

    def _put_by(self, ends_at: float, messages: list[str]) -> Sequence[int]:
        """Like ``_put``, but raise TimeoutError at ``ends_at``.

        botocore's timeouts do not limit a whole call: they do not cover name resolution, and each
        attempt has its own.
        """
        seconds = ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return self._workers.run(seconds, partial(self._put, messages), TimeoutError)

    def _put(self, messages: list[str]) -> Sequence[int]:
        """Put one batch and return the positions of the messages that CloudWatch rejected."""
        if not self._stream:
            self._create_stream()
        try:
            return self._put_log_events(messages)
        except self._logs.exceptions.ResourceNotFoundException:
            self._create_stream()  # it has been deleted
            return self._put_log_events(messages)

    def _create_stream(self) -> None:
        with self._lock:
            stream = self._stream or self._stream_name()
        with suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_stream(logGroupName=self._group, logStreamName=stream)
        self._stream = stream

    def _put_log_events(self, messages: list[str]) -> Sequence[int]:
        now = int(time.time() * 1000)
        response = self._logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._stream,
            logEvents=[{"timestamp": now, "message": message} for message in messages],
        )
        return _rejected_positions(response.get("rejectedLogEventsInfo") or {}, len(messages))


@dataclass(frozen=True)
class _Group:
    """Records that are one message each and share a batch, or one record with a batch for each part."""

    records: list[RecordText]
    batches: list[list[str]]


def _groups(records: Iterable[RecordText]) -> Iterator[_Group]:
    """Group records within CloudWatch's limits; ``records`` may be built while the groups are put."""
    group, size = _Group([], [[]]), 0
    for record in records:
        messages = split(record, EVENT_BYTES)
        record_size = sum(len(message.encode()) + EVENT_OVERHEAD for message in messages)
        if group.records and size + record_size > BATCH_BYTES:
            yield group
            group, size = _Group([], [[]]), 0
        if record_size > BATCH_BYTES:
            yield _Group([record], [[message] for message in messages])
        else:
            group.records.append(record)
            group.batches[0].extend(messages)
            size += record_size
    if group.records:
        yield group


def _rejected_positions(info: Any, count: int) -> list[int]:  # noqa: ANN401 - CloudWatch's response
    """The positions in a batch of ``count`` that were rejected; AWS's end is exclusive, its start inclusive."""
    end = max(info.get("tooOldLogEventEndIndex", 0), info.get("expiredLogEventEndIndex", 0))
    start = info.get("tooNewLogEventStartIndex", count)
    return [position for position in range(count) if position < end or position >= start]


def _reason(error: Exception) -> str:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return code or type(error).__name__
