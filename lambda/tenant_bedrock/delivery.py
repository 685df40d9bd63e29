"""Delivery of records to the customer's log group, or to stdout if CloudWatch does not take them."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from tenant_bedrock.parts import split

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_logs import CloudWatchLogsClient

# A batch holds at most 1,048,576 bytes of UTF-8 plus 26 for each event, and one event may fill it. The
# limit of 10,000 events would need records of less than 79 bytes:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD = 26
EVENT_BYTES = BATCH_BYTES - EVENT_OVERHEAD
# Lambda splits lines of the function's log at 256 KB. The runtime adds a few members and spaces after
# commas and colons, which lengthen a line by half at most.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
LINE_BYTES = 160_000
# Reserved at the end of an invocation to write the copy to stdout and to answer.
SPILL_SECONDS = 0.3
# With more time than this left, the calling thread puts the record itself: botocore gives up after 21 s,
# three calls of two attempts each. That saves 0.2 ms a record and works where no worker thread does,
# in a forked process and at the interpreter's exit.
AMPLE_SECONDS = 30
# The start mark of a call that ends sooner is not put: its record is put instead.
MARK_AFTER_SECONDS = 0.05
_WORKERS = 50  # as many as the client has connections

Outcome = Literal["delivered", "spilled", "lost"]


class RejectedError(Exception):
    """CloudWatch answered 200 but rejected the event."""


@dataclass(frozen=True)
class Receipt:
    """Where the record of a call of ``alias`` is.

    ``delivered``: in the record log group, acknowledged by CloudWatch. ``spilled``: in the function's
    own log, which has no acknowledgement. ``lost``: stdout did not take it either, so only the start
    mark exists. ``usage`` holds the tokens as Bedrock counted them, under Bedrock's names.
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
    restored many times.
    """

    def __init__(
        self,
        logs: CloudWatchLogsClient,
        *,
        group: str,
        stream_name: Callable[[], str],
        log: logging.Logger,
    ) -> None:
        self._logs = logs
        self._group = group
        self._stream_name = stream_name
        self._stream = ""
        self._stream_exists = False
        self._log = log
        self._marks: dict[str, tuple[float, dict[str, Any]]] = {}  # by record id: when to put, mark
        self._is_putting_marks = False
        self._unacknowledged: dict[int, dict[str, Any]] = {}  # records that are being put
        self._workers: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def announce(self, mark: dict[str, Any]) -> None:
        """Write a start mark to stdout now, and put it to the log group while Bedrock works.

        Raises OSError or ValueError if stdout fails. The call does not wait for the log group: the
        platform keeps what is on stdout even if this process is killed right afterwards.
        """
        self._log.info("record.start", extra={"record": mark})
        due = time.monotonic() + MARK_AFTER_SECONDS
        with self._lock:
            self._marks[mark["tenantBedrock"]["recordId"]] = due, mark
            is_first, self._is_putting_marks = not self._is_putting_marks, True
        if is_first:
            with suppress(RuntimeError):  # the interpreter is exiting and starts no threads
                self._pool().submit(self._put_marks)

    def withdraw(self, record_id: str) -> None:
        """Drop a start mark that has not been put yet, because the call is over."""
        with self._lock:
            self._marks.pop(record_id, None)

    def deliver(self, records: Sequence[dict[str, Any]], ends_at: float) -> list[Outcome]:
        """Put the records and read CloudWatch's response; write the others to stdout.

        Returns by ``ends_at``, in seconds of ``time.monotonic`` or infinite. If that was far off and a
        put hangs, ``spill_unacknowledged`` writes the copy. Never raises, because the answers that the
        records belong to have been paid for.
        """
        failures: dict[int, str] = {}  # the reasons, by position in ``records``
        for batch in _batches(records, failures):
            messages = [message for _, message in batch]
            try:
                if ends_at - time.monotonic() > AMPLE_SECONDS:
                    with self._spillable([records[number] for number, _ in batch]):
                        rejected = self._put(messages)
                else:
                    rejected = self._put_by(ends_at - SPILL_SECONDS, messages)
                reason = RejectedError.__name__
            except Exception as error:  # noqa: BLE001 - after any error the record must go to stdout
                rejected, reason = range(len(batch)), _reason(error)
            failures |= {batch[position][0]: reason for position in rejected}
        return [
            self._spill(record, failures[number]) if number in failures else "delivered"
            for number, record in enumerate(records)
        ]

    def spill_unacknowledged(self) -> None:
        """Copy to stdout the records that CloudWatch has not acknowledged, when time is short."""
        with self._lock:
            records = list(self._unacknowledged.values())
            self._unacknowledged.clear()
        for record in records:
            self._spill(record, TimeoutError.__name__)

    @contextmanager
    def _spillable(self, records: Sequence[dict[str, Any]]) -> Iterator[None]:
        """Make records available to ``spill_unacknowledged`` while they are being put."""
        records_by_id = {id(record): record for record in records}
        with self._lock:
            self._unacknowledged |= records_by_id
        try:
            yield
        finally:
            with self._lock:
                for key in records_by_id:
                    self._unacknowledged.pop(key, None)

    def _spill(self, record: dict[str, Any], reason: str) -> Outcome:
        try:
            for part in split(record, LINE_BYTES):
                extra = {"reason": reason, "record": json.loads(part)}
                self._log.error("record.spilled", extra=extra)
        except Exception:  # noqa: BLE001 - stdout is closed or full, so it cannot be reported either
            return "lost"
        return "spilled"

    def _put_marks(self) -> None:
        """Put the start marks of calls that are still open when they are due, until no mark is left."""
        while (seconds := self._seconds_to_next_mark()) is not None:
            time.sleep(seconds)
            # The marks are on stdout already; the records that follow report CloudWatch's error.
            with suppress(Exception):
                for batch in _batches(self._pop_due_marks(), {}):
                    self._put([message for _, message in batch])

    def _seconds_to_next_mark(self) -> float | None:
        """At least 0; None if there is no mark, and then the next ``announce`` starts a new loop."""
        with self._lock:
            next_due = min((due for due, _ in self._marks.values()), default=None)
            self._is_putting_marks = next_due is not None
        return None if next_due is None else max(0.0, next_due - time.monotonic())

    def _pop_due_marks(self) -> list[dict[str, Any]]:
        now = time.monotonic()
        with self._lock:
            due_ids = [record_id for record_id, (due, _) in self._marks.items() if due <= now]
            return [self._marks.pop(record_id)[1] for record_id in due_ids]

    def _put_by(self, ends_at: float, messages: list[str]) -> Sequence[int]:
        """Like ``_put``, but raise TimeoutError at ``ends_at``.

        botocore's timeouts do not limit a whole call: they do not cover name resolution, and each
        attempt has its own.
        """
        seconds = ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return self._pool().submit(self._put, messages).result(timeout=seconds)

    def _put(self, messages: list[str]) -> Sequence[int]:
        """Put one batch and return the positions of the messages that CloudWatch rejected."""
        if not self._stream_exists:
            self._create_stream()
        try:
            return self._put_log_events(messages)
        except self._logs.exceptions.ResourceNotFoundException:
            self._create_stream()  # it has been deleted
            return self._put_log_events(messages)

    def _create_stream(self) -> None:
        with self._lock:
            self._stream = self._stream or self._stream_name()
        with suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
        self._stream_exists = True

    def _put_log_events(self, messages: list[str]) -> Sequence[int]:
        now = int(time.time() * 1000)
        response = self._logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._stream,
            logEvents=[{"timestamp": now, "message": message} for message in messages],
        )
        return _rejected_positions(response.get("rejectedLogEventsInfo") or {}, len(messages))

    def _pool(self) -> ThreadPoolExecutor:
        """The worker threads, started on first use because a snapshot must not contain them."""
        with self._lock:
            if self._workers is None:
                self._workers = ThreadPoolExecutor(_WORKERS, "record")
            return self._workers


def _batches(
    records: Sequence[dict[str, Any]], failures: dict[int, str]
) -> Iterator[list[tuple[int, str]]]:
    """Yield batches of (position in ``records``, message) within CloudWatch's limits.

    Adds the reason to ``failures`` for a record that cannot be written as JSON.
    """
    batch: list[tuple[int, str]] = []
    batch_size = 0
    for number, record in enumerate(records):
        try:
            messages = split(record, EVENT_BYTES)
        except Exception as error:  # noqa: BLE001 - one record must not prevent the others
            failures[number] = _reason(error)
            continue
        for message in messages:
            size = len(message.encode()) + EVENT_OVERHEAD
            if batch and batch_size + size > BATCH_BYTES:
                yield batch
                batch, batch_size = [], 0
            batch.append((number, message))
            batch_size += size
    if batch:
        yield batch


def _rejected_positions(info: Any, count: int) -> list[int]:  # noqa: ANN401 - CloudWatch's response
    """The positions in a batch of ``count`` that were rejected; AWS's end is exclusive, its start inclusive."""
    end = max(info.get("tooOldLogEventEndIndex", 0), info.get("expiredLogEventEndIndex", 0))
    start = info.get("tooNewLogEventStartIndex", count)
    return [position for position in range(count) if position < end or position >= start]


def _reason(error: Exception) -> str:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return code or type(error).__name__
