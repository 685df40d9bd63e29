"""File descriptors beside those of stdin, stdout and stderr, which a process may have closed."""

from __future__ import annotations

import fcntl
import os

_FIRST = 3


def duplicate(descriptor: int) -> int:
    """Duplicate a descriptor; raises OSError if it is not open. The copy is closed by ``exec``."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST)


def move(descriptor: int) -> int:
    """Duplicate a descriptor and close it, so that output of other code to 0, 1 or 2 is not written there."""
    try:
        return duplicate(descriptor)
    finally:
        os.close(descriptor)


def pipe() -> tuple[int, int]:
    """The end to read and the end to write of a new pipe."""
    output, intake = os.pipe()
    return move(output), move(intake)
