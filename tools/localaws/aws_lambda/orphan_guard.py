"""Ends what a killed cloud would leave behind: its functions' processes and their folder.

A frozen process (SIGSTOP) cannot notice that its parent is gone. So a guard process, this module
run as a script, is told of every process group and outlives the cloud by a moment.
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
    """The cloud's end of the guard; ``folder`` is removed when the cloud is gone."""

    def __init__(self, folder: str) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, folder],
            start_new_session=True,  # Ctrl-C in a terminal is for the cloud, not for its guard
            stdin=subprocess.PIPE,
            text=True,
        )

    def watch(self, group: int) -> None:
        """Kill this process group if the cloud dies."""
        self._tell(group)

    def forget(self, group: int) -> None:
        """The group has ended; call this before its id can be used again."""
        self._tell(-group)

    def close(self) -> None:
        """Let the guard do its work and wait for its end."""
        with self._lock:
            self._process.communicate()

    def _tell(self, number: int) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.write(f"{number}\n")
                self._process.stdin.flush()


def main(folder: str) -> None:
    """Read ``PID`` and ``-PID`` lines until stdin ends, then kill and remove what is left."""
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
