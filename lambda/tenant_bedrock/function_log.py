"""The function's own log, which no logging set-up of the application can filter or redirect.

Start marks and copies of records are written to Lambda's log pipe, or to stdout where there is none,
and never pass through Python's ``logging``.
"""

from __future__ import annotations

import json
import logging
import os
import select
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenant_bedrock import process_environment
from tenant_bedrock.descriptors import duplicate
from tenant_bedrock.parts import split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenant_bedrock.parts import RecordText

# Lambda splits events of the function's log at 256 KB:
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
LINE_BYTES = 200_000
_LINE_MEMBERS_BYTES = 1_000  # upper bound for the members of a line other than its record
# The frame types of awslambdaric (lambda_runtime_log_utils.py) for a JSON line of each level. A frame
# is its type, the length, the time in microseconds since 1970, and the message, which becomes one event.
_FRAME_TYPES = {"INFO": 0xA55A000E, "ERROR": 0xA55A0016}
_STDOUT = 1
# A thread that was interrupted by a signal may hold the lock, and a full pipe may have no reader.
_WAIT_SECONDS = 1.0

# At DEBUG these libraries log requests, answers or headers, so their level does not follow the root's.
_LIBRARIES = ("boto3", "botocore", "langchain_aws", "langchain_core", "langsmith", "urllib3")


def limit_library_logs() -> None:
    """Keep prompts and answers out of the libraries' own log messages."""
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


class FunctionLog:
    """Writes to a duplicate of the log pipe's descriptor, so closing or replacing stdout has no effect."""

    retry_seconds = None

    def __init__(self) -> None:
        pipe = process_environment.log_pipe()
        self._is_framed = pipe is not None
        try:
            self._descriptor = duplicate(_STDOUT if pipe is None else pipe)
        except OSError:  # this process was started without stdout; each write reports it
            self._descriptor = -1
        self._rest = memoryview(b"")
        self._locks = [threading.RLock(), *_runtime_locks()]

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def write_mark(self, mark: RecordText) -> None:
        """Write a start mark; raises OSError. The platform keeps it even if this process is killed."""
        self._write("INFO", "record.start", mark.text)

    def write_copy(self, record: RecordText, reason: str) -> None:
        """Write a copy of a record, in parts if it is too long for one event; raises OSError."""
        for part in split(record, LINE_BYTES - _LINE_MEMBERS_BYTES):
            self._write("ERROR", "record.spilled", part, reason)

    def remove(self, record_id: str) -> None:
        """Nothing can be removed from a log; readers drop copies by record id."""

    def waiting(self) -> Iterator[RecordText]:
        """Nothing waits in a log."""
        return iter(())

    def _write(self, level: str, event: str, record: str, reason: str | None = None) -> None:
        message = log_line(level, event, record, reason).encode()
        if self._is_framed:
            microseconds = time.time_ns() // 1_000
            header = (_FRAME_TYPES[level], 4), (len(message), 4), (microseconds, 8)
            data = b"".join(number.to_bytes(size, "big") for number, size in header) + message
        else:
            data = message + b"\n"
        # A thread that was interrupted by a signal may hold a lock, so none is waited for very long.
        locks = []
        try:
            for lock in self._locks:
                if lock.acquire(timeout=_WAIT_SECONDS):
                    locks.append(lock)  # noqa: PERF401 - an exception may arrive after any of them
            # The rest of a message that a full pipe took in part comes first: both would be damaged.
            self._finish(self._rest)
            self._finish(memoryview(data))
        finally:
            for lock in locks:
                lock.release()

    def _finish(self, message: memoryview) -> None:
        """Write all of a message, or keep the rest of one of which a part has been written.

        Raises OSError, and TimeoutError if nothing reads a full pipe.
        """
        rest = message
        try:
            while rest:
                rest = rest[self._write_some(rest) :]
        finally:
            was_touched = len(rest) < len(message) or message is self._rest
            self._rest = rest if was_touched else memoryview(b"")

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:  # asyncio makes pipes non-blocking
            pipe = select.poll()
            pipe.register(self._descriptor, select.POLLOUT)
            if not pipe.poll(_WAIT_SECONDS * 1000):
                raise TimeoutError from None
            return 0


def _runtime_locks() -> list[threading.RLock]:
    """The locks under which awslambdaric's logging handler writes to the same pipe."""
    handlers = [handler for handler in logging.getLogger().handlers if hasattr(handler, "log_sink")]
    return [handler.lock for handler in handlers if handler.lock is not None]


def log_line(level: str, message: str, record: str, reason: str | None = None) -> str:
    """One JSON object in the shape of Lambda's JSON log format, with ``record`` as it is.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    reason_member = f'"reason":{json.dumps(reason)},' if reason else ""
    return (
        f'{{"timestamp":"{now}","level":"{level}","message":"{message}",{reason_member}'
        f'"record":{record}}}'
    )
