"""Brings records to the customer's log group, or to stdout when CloudWatch does not take them."""

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

# A batch has at most 1,048,576 bytes of UTF-8, counting 26 more for each event, and one event may
# fill it. Its other limit, 10,000 events, would take records of 79 bytes to reach:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD = 26
EVENT_BYTES = BATCH_BYTES - EVENT_OVERHEAD
# Lambda cuts a line of the function's log at 256 KB. The runtime puts a few fields around ours and
# spaces after its commas and colons, which make it half as long again at most.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
LINE_BYTES = 160_000
# Kept back from an invocation's time: enough to write the copy to stdout and to answer.
SPILL_SECONDS = 0.3
# With more time left than this, a put needs no watching: botocore gives up by itself after 21 s, at
# three calls of two tries each. A thread that watches costs as much as LangChain does in a call.
AMPLE_SECONDS = 30
# A call that is over sooner has its record by then, and its mark need not be put.
MARK_AFTER_SECONDS = 0.05
_WRITERS = 50  # as many as the client has connections

Outcome = Literal["delivered", "spilled", "lost"]


class RejectedError(Exception):
    """CloudWatch answered 200 and yet did not keep the record."""


@dataclass(frozen=True)
class Receipt:
    """Where the record of a call of ``alias`` is.

    ``delivered``: in the record log group, acknowledged by CloudWatch. ``spilled``: in the
    function's own log, which gives no receipts. ``lost``: stdout did not take it either; only its
    start mark is left. ``usage`` holds the tokens as Bedrock counted them, by Bedrock's names.
    """

    id: str
    delivery: Outcome
    alias: str | None
    usage: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """As an answer's metadata hold it; ``dataclasses.asdict`` copies each word, and takes its time."""
        return {**vars(self), "usage": dict(self.usage)}


class Delivery:
    """Writes records to one stream of the record log group, with the customer's own keys.

    ``stream`` names it, and is asked when the first record is written: a snapshot of this process
    may be restored many times before that.
    """

    def __init__(
        self,
        logs: CloudWatchLogsClient,
        *,
        group: str,
        stream: Callable[[], str],
        log: logging.Logger,
    ) -> None:
        self._logs = logs
        self._group = group
        self._name_stream = stream
        self._name: str | None = None
        self._made = False
        self._log = log
        self._marks: dict[str, tuple[float, dict[str, Any]]] = {}  # with when each is to be put
        self._marking = False
        self._unfinished: dict[int, dict[str, Any]] = {}  # put, and CloudWatch has not answered yet
        self._writers: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def announce(self, mark: dict[str, Any]) -> None:
        """Write a start mark to stdout now, and put it to the log group while Bedrock works.

        Raises what stdout raises when it does not take it. Nobody waits for the log group: the
        mark on stdout is in the platform's hands even if this process is killed next.
        """
        self._log.info("record.start", extra={"record": mark})
        due = time.monotonic() + MARK_AFTER_SECONDS
        with self._lock:
            self._marks[mark["tenantBedrock"]["recordId"]] = due, mark
            begins, self._marking = not self._marking, True
        if begins:
            with suppress(RuntimeError):  # this process is ending and takes no more work
                self._writer().submit(self._put_marks)

    def withdraw(self, record_id: str) -> None:
        """The call is over; its mark need not be put any more if it has not been yet."""
        with self._lock:
            self._marks.pop(record_id, None)

    def deliver(self, records: Sequence[dict[str, Any]], ends_at: float) -> list[Outcome]:
        """Put the records and read CloudWatch's receipt; write to stdout what it did not take.

        All is done by ``ends_at`` on the clock of ``time.monotonic``, infinity included; where that
        was far off and a put hangs all the same, ``spill_unfinished`` makes the copy. Never raises:
        the answers that these records are about are already paid for.
        """
        lost: dict[int, str] = {}  # the number of a record => why CloudWatch does not have it
        for batch in _batches(records, lost):
            messages = [text for _, text in batch]
            try:
                if ends_at - time.monotonic() > AMPLE_SECONDS:
                    with self._at_hand([records[number] for number, _ in batch]):
                        rejected = self._put(messages)
                else:
                    rejected = self._put_by(ends_at - SPILL_SECONDS, messages)
                reason = RejectedError.__name__
            except Exception as error:  # noqa: BLE001 - whatever it was, the record must come out somewhere
                rejected, reason = range(len(batch)), _reason(error)
            lost |= {batch[position][0]: reason for position in rejected}
        return [
            self._spill(record, lost[number]) if number in lost else "delivered"
            for number, record in enumerate(records)
        ]

    def spill_unfinished(self) -> None:
        """Write to stdout what CloudWatch has not answered for yet: nobody can wait for it any longer."""
        with self._lock:
            records = list(self._unfinished.values())
            self._unfinished.clear()
        for record in records:
            self._spill(record, TimeoutError.__name__)

    @contextmanager
    def _at_hand(self, records: Sequence[dict[str, Any]]) -> Iterator[None]:
        """Keep what is being put where ``spill_unfinished`` finds it."""
        kept = {id(record): record for record in records}
        with self._lock:
            self._unfinished |= kept
        try:
            yield
        finally:
            with self._lock:
                for key in kept:
                    self._unfinished.pop(key, None)

    def _spill(self, record: dict[str, Any], reason: str) -> Outcome:
        try:
            for part in split(record, LINE_BYTES):
                extra = {"reason": reason, "record": json.loads(part)}
                self._log.error("record.spilled", extra=extra)
        except Exception:  # noqa: BLE001 - stdout is closed or full: nowhere is left to say so
            return "lost"
        return "spilled"

    def _put_marks(self) -> None:
        """Put the mark of each call that is still out when it is due, until no call is out."""
        while (wait := self._until_next_mark()) is not None:
            time.sleep(wait)
            # They are on stdout; what comes next tells of CloudWatch's fault.
            with suppress(Exception):
                for batch in _batches(self._take_due_marks(), {}):
                    self._put([text for _, text in batch])

    def _until_next_mark(self) -> float | None:
        """Seconds, at least 0; None, and then whoever announces the next call begins anew."""
        with self._lock:
            next_due = min((due for due, _ in self._marks.values()), default=None)
            self._marking = next_due is not None
        return None if next_due is None else max(0.0, next_due - time.monotonic())

    def _take_due_marks(self) -> list[dict[str, Any]]:
        now = time.monotonic()
        with self._lock:
            taken = {name: mark for name, (due, mark) in self._marks.items() if due <= now}
            for name in taken:
                del self._marks[name]
        return list(taken.values())

    def _put_by(self, ends_at: float, messages: list[str]) -> Sequence[int]:
        """As ``_put``, but TimeoutError at ``ends_at``.

        botocore's timeouts do not bound a call: not its name resolution, nor its second attempt.
        """
        seconds = ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return self._writer().submit(self._put, messages).result(timeout=seconds)

    def _put(self, messages: list[str]) -> Sequence[int]:
        """Put one batch; the positions of those that CloudWatch rejected."""
        if not self._made:
            self._make_stream()
        try:
            return self._put_once(messages)
        except self._logs.exceptions.ResourceNotFoundException:
            self._make_stream()  # someone deleted it
            return self._put_once(messages)

    def _stream(self) -> str:
        with self._lock:
            if self._name is None:
                self._name = self._name_stream()
            return self._name

    def _make_stream(self) -> None:
        with suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_stream(logGroupName=self._group, logStreamName=self._stream())
        self._made = True

    def _put_once(self, messages: list[str]) -> Sequence[int]:
        now = int(time.time() * 1000)
        receipt = self._logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._stream(),
            logEvents=[{"timestamp": now, "message": message} for message in messages],
        )
        return _rejected(receipt.get("rejectedLogEventsInfo") or {}, len(messages))

    def _writer(self) -> ThreadPoolExecutor:
        """Made when first needed: a snapshot is taken before."""
        with self._lock:
            if self._writers is None:
                self._writers = ThreadPoolExecutor(_WRITERS, "record")
            return self._writers


def _batches(
    records: Sequence[dict[str, Any]], lost: dict[int, str]
) -> Iterator[list[tuple[int, str]]]:
    """(number of the record, message) in batches that CloudWatch takes whole.

    A record that cannot be written as JSON goes into ``lost``.
    """
    batch: list[tuple[int, str]] = []
    size = 0
    for number, record in enumerate(records):
        try:
            messages = split(record, EVENT_BYTES)
        except Exception as error:  # noqa: BLE001 - one record must not take the others with it
            lost[number] = _reason(error)
            continue
        for message in messages:
            takes = len(message.encode()) + EVENT_OVERHEAD
            if batch and size + takes > BATCH_BYTES:
                yield batch
                batch, size = [], 0
            batch.append((number, message))
            size += takes
    if batch:
        yield batch


def _rejected(info: Any, count: int) -> list[int]:  # noqa: ANN401 - CloudWatch's answer
    """The positions of a batch that a receipt rejects: an end is exclusive, a start inclusive."""
    old = max(info.get("tooOldLogEventEndIndex", 0), info.get("expiredLogEventEndIndex", 0))
    new = info.get("tooNewLogEventStartIndex", count)
    return [position for position in range(count) if position < old or position >= new]


def _reason(error: Exception) -> str:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return code or type(error).__name__
