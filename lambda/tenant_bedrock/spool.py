"""A spool on the local disk, where records wait for CloudWatch on a computer that is not Lambda.

Lambda keeps a function's output in its log group; nothing keeps that of a process on EC2 or in a
container. A file holds each start mark whose call is not recorded yet and each record that CloudWatch
has not acknowledged. They are delivered when CloudWatch is back, or by the next process that uses the
same spool.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import stat
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tenant_bedrock import descriptors
from tenant_bedrock.parts import RecordText

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

_MAX_BYTES = 256 * 1024 * 1024
_MEASURE_SECONDS = 1  # other processes fill the spool too
_DIRECTORY_MODE = 0o700  # the files hold prompts and answers
_FILE_MODE = 0o600


class SpoolError(OSError):
    """The spool cannot be used, or is full."""


class Spool:
    """One directory for each process, locked while the process lives.

    ``directory`` is shared by the processes of one tenant. Files survive the end of the process; a
    crash of the computer may lose those that the kernel has not written yet.
    """

    retry_seconds = 30.0

    def __init__(self, directory: Path, process_name: str) -> None:
        self._lock_descriptor: int | None = None
        self._process_id = os.getpid()
        self._directory = directory
        self._own = directory / process_name.replace("/", "-")
        self._sizes: dict[str, int] = {}  # of this process's files, by name
        self._guard = threading.Lock()
        self._make_own_directory()
        self._measure()

    def __del__(self) -> None:
        if self._lock_descriptor is None:
            return
        if self._process_id == os.getpid():  # a forked process has a copy of this object
            with suppress(OSError):
                self._own.rmdir()  # succeeds only if it is empty
        os.close(self._lock_descriptor)

    def write_mark(self, mark: RecordText) -> None:
        """Write a start mark; raises OSError."""
        self._write(mark)

    def write_copy(self, record: RecordText, reason: str) -> None:  # noqa: ARG002 - only a log shows it
        """Write a record that waits for CloudWatch; raises OSError."""
        self._write(record)
        self._remove(f"{record.record_id}.start")

    def remove(self, record_id: str) -> None:
        """Remove the files of a call whose record CloudWatch has acknowledged."""
        for phase in ("start", "incomplete", "error", "end"):
            self._remove(f"{record_id}.{phase}")

    def waiting(self) -> Iterator[RecordText]:
        """The records that wait, then the files of processes that have ended.

        A file is removed when the next one is asked for, so the caller puts each to CloudWatch first.
        """
        for name in list(self._sizes):
            if not name.endswith(".start"):
                if (text := _read(self._own / name)) is not None:
                    yield text
                self._remove(name)
        for process in sorted(self._directory.glob("[!.]*")):
            if process != self._own:
                yield from _leftovers(process)

    def _make_own_directory(self) -> None:
        """Make the directory and lock it under a name that no other process looks at, then name it."""
        _make_private(self._directory.parent)
        _make_private(self._directory)
        hidden = self._own.with_name(f".{self._own.name}")
        hidden.mkdir(mode=_DIRECTORY_MODE)
        lock = _lock(hidden)
        hidden.rename(self._own)
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
        self._lock_descriptor = lock

    def _write(self, record: RecordText) -> None:
        name = f"{record.record_id}.{record.phase}"
        head = json.dumps([record.record_id, record.phase, record.timestamp])
        data = f"{head}\n{record.text}".encode()
        with self._guard:
            is_full = self._bytes() + len(data) > _MAX_BYTES
            if is_full or time.monotonic() > self._measured_at + _MEASURE_SECONDS:
                self._measure()
            if self._bytes() + len(data) > _MAX_BYTES:
                raise SpoolError(f"The spool holds {_MAX_BYTES} bytes, which is its limit.")
            self._sizes[name] = len(data)
        try:
            try:
                self._write_file(name, data)
            except FileNotFoundError:  # somebody has removed the directory
                self._make_own_directory()
                self._write_file(name, data)
        except OSError:
            self._sizes.pop(name, None)
            raise

    def _measure(self) -> None:
        self._other_bytes = _stored_bytes(self._directory, self._own)
        self._measured_at = time.monotonic()

    def _bytes(self) -> int:
        return self._other_bytes + sum(self._sizes.values())

    def _write_file(self, name: str, data: bytes) -> None:
        """Write a file, which has its name only once it is whole."""
        partial = self._own / f".{name}"
        descriptor = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, _FILE_MODE)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            partial.rename(self._own / name)
        except OSError:  # the disk is full
            partial.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    def _remove(self, name: str) -> None:
        if self._sizes.pop(name, None) is not None:
            (self._own / name).unlink(missing_ok=True)


def _make_private(directory: Path) -> None:
    """Make the directory, or raise SpoolError if somebody else could read or replace its files."""
    directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise SpoolError(f"{directory} is not a directory of this process's user.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SpoolError(f"{directory} can be read by others; run chmod 700 on it.")


def _lock(directory: Path) -> int | None:
    """A descriptor that locks the directory until it is closed; None if another process has it."""
    descriptor = descriptors.move(os.open(directory, os.O_RDONLY | os.O_DIRECTORY))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _leftovers(process: Path) -> Iterator[RecordText]:
    """The files of a process that has ended; each is removed when the next one is asked for."""
    with suppress(OSError):
        lock = _lock(process)
        if lock is None:
            return
        try:
            for path in sorted(process.iterdir()):
                if (text := _read(path)) is not None:
                    yield text
                path.unlink()
            process.rmdir()
        finally:
            os.close(lock)


def _read(path: Path) -> RecordText | None:
    """The record in a file; None if the process or the computer stopped while it was written."""
    if path.name.startswith("."):
        return None
    try:
        head, _, text = path.read_text(encoding="utf-8").partition("\n")
        record_id, phase, timestamp = json.loads(head)
    except (OSError, TypeError, ValueError) as error:
        facts = {"file": path.name, "error": type(error).__name__}
        _log.warning("record.spool_file_damaged", extra=facts)
        return None
    return RecordText(record_id, phase, timestamp, text)


def _stored_bytes(directory: Path, own: Path) -> int:
    """The bytes of the other processes' files, which may vanish meanwhile."""
    size = 0
    for path in directory.glob("*/*"):
        with suppress(OSError):
            size += path.stat().st_size if path.parent != own else 0
    return size
