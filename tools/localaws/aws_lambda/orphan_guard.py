"""Cleans up after a killed local AWS: the processes of its functions, and their folder.

A frozen process (SIGSTOP) cannot notice that its parent has died. Therefore a guard process, which
runs this module as a script, receives the id of each process group and kills what is left of them
when the local AWS has died.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading


class OrphanGuard:
    """Starts the guard process, which removes ``folder`` when the local AWS has ended."""

    def __init__(self, folder: str) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, folder],
            start_new_session=True,  # so that Ctrl-C in a terminal does not end the guard
            stdin=subprocess.PIPE,
            text=True,
        )

    def watch(self, group: int) -> None:
        """Kill this process group if the local AWS dies."""
        self._send(group)

    def forget(self, group: int) -> None:
        """Stop watching a group that has ended; call this before its id can be reused."""
        self._send(-group)

    def close(self) -> None:
        """Wait until the guard has removed the folder and ended."""
        with self._lock:
            self._process.communicate()

    def _send(self, number: int) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.write(f"{number}\n")
                self._process.stdin.flush()


def main(folder: str) -> None:
    """Read ``PID`` and ``-PID`` lines until stdin ends, then kill the groups and remove the folder."""
    groups: set[int] = set()
    for line in sys.stdin:
        number = int(line)
        if number > 0:
            groups.add(number)
        else:
            groups.discard(-number)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
