"""The locks of Terraform's states, and the files that tell which of them a process of this machine holds.

Terraform's S3 backend locks a state with an object beside it, and a killed terraform leaves it behind:
https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
import socket
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.processes import PROCESSES, InterruptedCommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LOCK_SUFFIX = ".tflock"  # the backend's name for the object is the state's key with this suffix

# How long a command that writes waits for another one. An apply of one account takes a minute or two, and the
# slowest resources, VPC endpoints, at most ten minutes, which is the provider's time-out for them:
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/vpc_endpoint#timeouts
WAIT_MINUTES = 10


@dataclass(frozen=True)
class StateLock:
    """Who has locked a state, as Terraform wrote it."""

    key: str  # of the state
    id: str
    who: str  # user@host
    operation: str
    created: datetime

    @classmethod
    def from_json(cls, key: str, content: Mapping[str, Any]) -> StateLock:
        """Read the object; Terraform writes the time with nanoseconds, of which Python reads six digits."""
        created = str(content.get("Created", ""))
        try:
            time_of_lock = datetime.fromisoformat(created.partition(".")[0].rstrip("Z"))
        except ValueError:
            time_of_lock = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC follows
        return cls(
            key=key,
            id=str(content.get("ID", "")),
            who=str(content.get("Who", "")),
            operation=str(content.get("Operation", "")).removeprefix("OperationType").lower(),
            created=time_of_lock.replace(tzinfo=UTC),
        )

    @property
    def is_of_this_machine(self) -> bool:
        """Whether this user on this machine has taken it, as far as its own text tells."""
        return self.who == f"{getpass.getuser()}@{socket.gethostname()}"

    def age_seconds(self) -> float:
        """Return how long the state has been locked."""
        return (datetime.now(UTC) - self.created).total_seconds()

    def __str__(self) -> str:
        return f"{self.who} since {self.created:%Y-%m-%d %H:%M:%S} UTC ({self.operation})"


def holder_file(bucket: str, key: str) -> Path:
    """Return the file that a process of this user on this machine locks while it writes a state.

    ``bucket`` is a bucket's unique name, so every checkout has the same file for it. Raises CommandError if
    another user has made its folder.
    """
    folder = Path(tempfile.gettempdir()) / f"tenant-bedrock-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise CommandError(f"{folder} belongs to another user; remove it, or set TMPDIR.")
    return folder / hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()


@contextmanager
def locked(
    file: Path, waiting: Callable[[], None], *, shared: bool = False, seconds: float | None = None
) -> Iterator[int]:
    """Lock a file and yield its descriptor; a process that inherits it keeps the lock until it ends.

    ``waiting`` is called once if others hold the lock. Raises TimeoutError after ``seconds`` of waiting, and
    InterruptedCommandError when a signal stops the command meanwhile.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _try_lock(descriptor, kind):
            waiting()
            started = time.monotonic()
            while not _try_lock(descriptor, kind):
                if seconds is not None and time.monotonic() - started > seconds:
                    raise TimeoutError
                if PROCESSES.interruption is not None:
                    raise InterruptedCommandError("It was stopped while it waited for a lock.")
                time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)


def is_locked(file: Path) -> bool:
    """Return whether a process holds the lock of a file."""
    if not file.exists():
        return False
    descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
