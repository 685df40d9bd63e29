"""The locks of Terraform's states, and the files that tell which of them a process of this machine holds.

Terraform's S3 backend locks a state with an object beside it, and a killed terraform leaves it behind:
https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import socket
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.processes import (
    PROCESSES,
    AbortedCommandError,
    InterruptedCommandError,
    KilledProcessError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK_SUFFIX = ".tflock"  # the backend's name for the object is the state's key with this suffix
# How Terraform begins the error about a lock that it could not remove, because S3 refused that or was not reached.
NOT_RELEASED = "Error releasing the state lock"

# How long a command that writes waits for another one. An apply of one account takes a minute or two, and the
# slowest resources, VPC endpoints, at most ten minutes, which is the provider's time-out for them:
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/vpc_endpoint#timeouts
WAIT_MINUTES = 10


@dataclass(frozen=True)
class StateLock:
    """Who has locked a state, as Terraform wrote it."""

    key: str  # of the state
    id: str  # empty if Terraform did not write the object
    who: str  # user@host
    operation: str
    created: datetime

    @classmethod
    def parse(cls, key: str, text: bytes) -> StateLock:
        """Read the object; one that Terraform did not write locks the state as well, and says nothing of its holder.

        Terraform writes the time with nanoseconds, of which Python reads six digits.
        """
        try:
            content = json.loads(text)
        except ValueError:  # neither JSON nor UTF-8
            content = None
        if not isinstance(content, dict):
            content = {}
        created = str(content.get("Created", ""))
        try:
            time_of_lock = datetime.fromisoformat(created.partition(".")[0].rstrip("Z"))
        except ValueError:
            time_of_lock = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC follows
        return cls(
            key=key,
            id=str(content.get("ID", "")),
            who=str(content.get("Who", "something other than Terraform")),
            operation=str(content.get("Operation", "")).removeprefix("OperationType").lower(),
            created=time_of_lock.replace(tzinfo=UTC),
        )

    @property
    def is_of_this_machine(self) -> bool:
        """Whether this user on this machine has taken it, as far as its own text tells.

        Terraform writes the name that the system has for the user's id, and not that of the login:
        https://pkg.go.dev/os/user#Current
        """
        return self.who == f"{_user_name()}@{socket.gethostname()}"

    def age_seconds(self) -> float:
        """Return how long the state has been locked."""
        return (datetime.now(UTC) - self.created).total_seconds()

    def __str__(self) -> str:
        return f"{self.who} since {self.created:%Y-%m-%d %H:%M:%S} UTC ({self.operation})"


def holder_file(bucket: str, key: str) -> Path:
    """Return the file that a process of this user on this machine locks while it writes a state.

    ``bucket`` is a bucket's unique name, so every checkout has the same file for it, whatever TMPDIR is. Raises
    CommandError if another user has made its folder.
    """
    everybodys = Path("/var/tmp")  # noqa: S108 - the folder in it is this user's alone
    parent = everybodys if everybodys.is_dir() else Path(tempfile.gettempdir())
    folder = parent / f"tenant-bedrock-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise CommandError(f"{folder} belongs to another user; ask that user to remove it.")
    return folder / hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()


def may_leave_lock(error: CommandError) -> bool:
    """Return whether terraform that ended with this error may not have removed its lock."""
    return isinstance(error, AbortedCommandError | KilledProcessError) or NOT_RELEASED in str(error)


@contextmanager
def writing_noted(descriptor: int, is_locked_still: Callable[[], bool]) -> Iterator[None]:
    """Note in a holder file, which is locked, that a process begins to write the state, until it has ended.

    Whoever is killed leaves the note behind, and so does terraform that ended without removing its lock:
    ``is_locked_still`` is asked then.
    """
    os.ftruncate(descriptor, 0)  # it may hold the note of one that was killed
    os.pwrite(descriptor, datetime.now(UTC).isoformat().encode(), 0)
    try:
        yield
    except CommandError as error:
        if not may_leave_lock(error) or not is_locked_still():
            os.ftruncate(descriptor, 0)
        raise
    except BaseException:
        os.ftruncate(descriptor, 0)
        raise
    os.ftruncate(descriptor, 0)


def was_left(lock: StateLock, file: Path) -> bool:
    """Return whether a command that noted its writing in a holder file has left this lock when it was killed.

    A lock of the same user and host name without such a note is of terraform typed by hand, or of a container
    with other files. The note has the time at which terraform began to wait for the lock.
    """
    try:
        began = datetime.fromisoformat(file.read_text())
    except (FileNotFoundError, ValueError):
        return False
    seconds = (lock.created - began).total_seconds()
    # The lock's time is read to the second.
    return lock.is_of_this_machine and -1.0 <= seconds <= WAIT_MINUTES * 60.0 + 60.0


@contextmanager
def locked(
    file: Path, waiting: Callable[[], None], *, shared: bool = False, seconds: float | None = None
) -> Iterator[int]:
    """Lock a file and yield its descriptor.

    A process that Processes.run starts with the file as ``held_file`` keeps it locked until it ends, also when
    this one ends before. ``waiting`` is called once if others hold the lock. Raises TimeoutError after ``seconds``
    of waiting, and InterruptedCommandError when a signal stops the command meanwhile.
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
    """Lock a file unless another process holds it, by a lock of either sort."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX allows both for a lock of another process
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    fcntl.lockf(descriptor, fcntl.LOCK_UN)
    return True


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a user that its system does not know
        return os.environ.get("USER", "")
