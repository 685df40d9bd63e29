"""The terraform processes that a command runs, and what happens to them when the command is interrupted.

It uses the standard library only, because `make setup` runs it before the virtual environment exists.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

LOOK_SECONDS = 0.5  # how often new output is read
# Ctrl-C, what a CI job and `kill` send, and a terminal that closes.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedCommandError(CommandError):
    """A signal stopped the command before it was complete."""


class AbortedCommandError(InterruptedCommandError):
    """A second signal stopped the command at once, or a kill did after the first one."""


class KilledProcessError(CommandError):
    """A signal that this command did not send has ended a process that it had started."""


class Processes:
    """The terraform processes of this command; a signal is passed on to each of them once.

    Terraform reacts to the first signal by telling its providers to stop, and writes its state, and to the second
    by stopping at once: https://github.com/hashicorp/terraform/issues/17323. The aws provider cancels the calls
    that are under way (measured with 5.100), so AWS may have made an object that the state does not know.

    Each process has a session of its own, so a terminal does not send it the signal as well. Its output goes to
    a file, so it can also finish and write its state when this process is killed.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._running: dict[subprocess.Popen[bytes], str] = {}
        self._signals: list[int] = []

    @property
    def interruption(self) -> int | None:
        """The number of the first signal; None while there was none."""
        return self._signals[0] if self._signals else None

    @property
    def stops_at_once(self) -> bool:
        """Whether a second signal tells the processes not to end what they do."""
        return len(self._signals) > 1

    def handle_signals(self) -> None:
        """Take over the signals that end a command; no effect outside the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._pass_on)

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        text: str | None = None,
        label: str = "",
        held_file: Path | None = None,
        watch: Callable[[str, float], None] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with ``text`` as its input, and return its exit code and what it printed.

        ``label`` names it when it is interrupted. ``watch`` is called twice a second with the whole lines of
        stdout since its last call and the seconds since the start. ``held_file`` is a file that the
        process itself locks until it ends; what it starts does not. Raises InterruptedCommandError
        instead of starting a process after a signal.
        """
        with (
            tempfile.TemporaryFile() as stdin,
            tempfile.TemporaryFile() as stdout,
            tempfile.TemporaryFile() as stderr,
        ):
            stdin.write((text or "").encode())
            stdin.seek(0)
            started = time.monotonic()
            process = self._start(
                label,
                command if held_file is None else [*_holding(held_file), *command],
                cwd=cwd,
                env=environment,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            offset = 0
            try:
                while process.poll() is None:
                    _wait(process)
                    if watch is not None:
                        lines = _whole_lines(stdout, offset)
                        offset += len(lines)
                        watch(lines.decode(errors="replace"), time.monotonic() - started)
            finally:
                with self._lock:
                    del self._running[process]
            if process.returncode < 0:
                # A provider outlives terraform that was killed, and waits for it for ever.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            return subprocess.CompletedProcess(
                command, process.returncode, _content(stdout), _content(stderr)
            )

    def _start(
        self,
        label: str,
        command: Sequence[str],
        **options: Any,  # noqa: ANN401 - those of Popen
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._signals:
                raise InterruptedCommandError(
                    "It was not started, because the command was stopped."
                )
            process = subprocess.Popen(command, **options)
            self._running[process] = label
            for number in self._signals:  # received while the process was being started
                process.send_signal(number)
            return process

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        """Pass a signal on; without a process that runs, end the command as Ctrl-C does."""
        with self._lock:
            self._signals.append(number)
            for process in self._running:
                # A terminal that closes means the same as Ctrl-C; Terraform would die of SIGHUP.
                process.send_signal(signal.SIGINT if number == signal.SIGHUP else number)
            running = sorted(filter(None, self._running.values()))
        if not self._running:
            raise KeyboardInterrupt
        which = f" ({', '.join(running)})" if running else ""
        _say(
            f"Stopping: terraform ends the calls that are under way and writes its state{which}. "
            "Please wait; a second signal stops it at once."
            if len(self._signals) == 1
            else f"Stopping at once{which}: what was just made may be missing in the state."
        )


PROCESSES = Processes()


def _holding(file: Path) -> list[str]:
    """Return the beginning of a command that locks a file and then becomes the rest of the command.

    Such a lock stays with the process when it executes another program, and its children do not inherit it:
    https://pubs.opengroup.org/onlinepubs/9799919799/functions/fcntl.html. They would inherit one of flock.
    """
    program = (
        "import fcntl, os, sys; file = os.open(sys.argv[1], os.O_RDWR); os.set_inheritable(file, True); "
        "fcntl.lockf(file, fcntl.LOCK_EX); os.execvp(sys.argv[2], sys.argv[2:])"
    )
    return [sys.executable, "-ISc", program, str(file)]


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return


def _whole_lines(file: IO[bytes], offset: int) -> bytes:
    """Return what the file has from ``offset`` to the end of its last whole line.

    The process writes at the file's position, which this must not move.
    """
    content = os.pread(file.fileno(), os.fstat(file.fileno()).st_size - offset, offset)
    return content[: content.rfind(b"\n") + 1]


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _say(sentence: str) -> None:
    sys.stderr.write(f"\n  {sentence}\n")
    sys.stderr.flush()
