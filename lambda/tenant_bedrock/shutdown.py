"""Recording of open calls when the process ends, on SIGTERM or at the end of the program.

ECS, Kubernetes and systemd send SIGTERM and wait before they kill. Lambda sends it only to
functions with an extension, and by then the handler has already recorded its open calls.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import atexit
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from tenant_bedrock import descriptors

if TYPE_CHECKING:
    from types import FrameType

SIGTERM_SECONDS = 10  # ECS and Kubernetes wait 30 s before they kill
# Of these 10 s, so that the rest is left to copy what CloudWatch has not acknowledged.
COPY_AFTER_SECONDS = 6
# An application with a handler of its own may end the process at any time, as uvicorn does.
COPY_AFTER_SECONDS_BESIDE_ANOTHER_HANDLER = 0.5
# For the main thread to end the process, unless it is in code that is not Python's.
_MAIN_THREAD_SECONDS = 1
_PIPE_BYTES = 65_536  # more than faulthandler writes about one thread

_log = logging.getLogger(__name__)


class Owner(Protocol):
    """An owner of open calls."""

    def sweep(self, until: float) -> None:
        """Record all open calls; copy those that are not acknowledged at ``until``."""

    def start_anew(self) -> None:
        """Leave all calls to the process that this one was forked from."""


class ProcessEnd:
    """Watches for SIGTERM, the end of the program and forks, which concern the process as a whole.

    Python runs a signal handler in the main thread, between any two of its instructions, so a handler
    must not take a lock, start a thread or wait. This one writes to a pipe; the thread that reads the
    pipe sweeps. The program goes on meanwhile, and ``has_begun`` refuses new calls.
    """

    def __init__(self) -> None:
        self.owners: WeakValueDictionary[int, Owner] = WeakValueDictionary()  # by their id()
        self.busy_owners: set[Owner] = set()  # those with open calls, which must not be collected
        self.has_begun = False
        self._has_swept = False
        self._pipe: tuple[int, int] | None = None
        self._native_handler_chain: bool | None = None  # None without a handler of faulthandler's
        self._is_known_to_multiprocessing = False
        self._masks = threading.local()  # the signals that each forking thread held back before

    def watch_sigterm(self) -> None:
        """Sweep on SIGTERM, then end the process unless the application has a handler of its own.

        Only the main thread can set a handler with Python's ``signal``. Elsewhere, and beside the
        application's handler, ``faulthandler`` sets one, which writes to the pipe without running any
        Python code; it also calls the application's handler.
        """
        handler = signal.getsignal(signal.SIGTERM)
        if self._pipe is not None or handler is signal.SIG_IGN:
            return
        is_default = handler is signal.SIG_DFL
        is_main_thread = threading.current_thread() is threading.main_thread()
        if not (is_default and is_main_thread):
            self._native_handler_chain = not is_default
        if self._start_watching() and self._native_handler_chain is None:
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def sweep(self, copy_after_seconds: float = COPY_AFTER_SECONDS) -> None:
        """Sweep every owner; the failure of one does not cost the calls of another."""
        until = time.monotonic() + copy_after_seconds
        for owner in self._living_owners():
            try:
                owner.sweep(until)
            except Exception as error:  # noqa: BLE001 - the others are swept all the same
                _log.error("record.sweep_failed", extra={"error": type(error).__name__})

    def _living_owners(self) -> list[Owner]:
        """All owners; another thread may add one meanwhile, so nothing is iterated that can change."""
        owners = (reference() for reference in self.owners.valuerefs())
        return [owner for owner in owners if owner is not None]

    def sweep_at_end(self) -> None:
        """Sweep at the end of the program; after SIGTERM, another thread does and ends the process."""
        if self.has_begun:
            time.sleep(SIGTERM_SECONDS + _MAIN_THREAD_SECONDS)
        else:
            self.sweep()

    def hold_sigterm(self) -> None:
        """Hold SIGTERM back before a fork: the child would write it to the pipe of its parent."""
        self._masks.signals = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def release_sigterm(self) -> None:
        """Let SIGTERM through again after a fork."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.signals)

    def start_anew(self) -> None:
        """Leave the calls to the parent of this forked process, and watch this process's signals."""
        try:
            self.has_begun = self._has_swept = False
            if self._pipe is not None:  # the parent's thread reads it
                for descriptor in self._pipe:
                    os.close(descriptor)
                self._pipe = None
                self._start_watching()
            self._start_owners_anew()
            self.watch_multiprocessing()
        finally:
            self.release_sigterm()

    def _start_owners_anew(self) -> None:
        for owner in self._living_owners():
            try:
                owner.start_anew()
            except Exception as error:  # noqa: BLE001 - the others start anew all the same
                _log.error("record.fork_failed", extra={"error": type(error).__name__})

    def watch_multiprocessing(self) -> None:
        """Sweep at the end of a process of multiprocessing, which ends without ``atexit``.

        multiprocessing removes its finalizers when such a process starts, before or after it imports
        the application, so they are set here and again when it says that it has started.
        """
        util: Any = sys.modules.get("multiprocessing.util")
        if util is not None and not self._is_known_to_multiprocessing:
            self._is_known_to_multiprocessing = True
            self.sweep_with_multiprocessing()
            util.register_after_fork(self, ProcessEnd.sweep_with_multiprocessing)

    def sweep_with_multiprocessing(self) -> None:
        """Add a finalizer of multiprocessing; without a priority it would not be called."""
        sys.modules["multiprocessing.util"].Finalize(None, self.sweep_at_end, exitpriority=0)

    def _start_watching(self) -> bool:
        """Start the thread that reads the pipe; False if no thread can be started."""
        output, intake = descriptors.pipe()
        try:
            threading.Thread(
                target=self._watch, args=(output,), name="sigterm", daemon=True
            ).start()
        except RuntimeError:  # without it the process would no longer end on SIGTERM
            os.close(output)
            os.close(intake)
            return False
        self._pipe = output, intake
        if self._native_handler_chain is not None:
            chain = self._native_handler_chain
            faulthandler.register(signal.SIGTERM, intake, all_threads=False, chain=chain)
        return True

    def _watch(self, pipe: int) -> None:
        while os.read(pipe, _PIPE_BYTES):
            if self._native_handler_chain:
                self.sweep(COPY_AFTER_SECONDS_BESIDE_ANOTHER_HANDLER)
            else:
                self._sweep_and_end()

    def _sweep_and_end(self) -> None:
        self.has_begun = True
        sweeper = threading.Thread(target=self.sweep, name="sweep", daemon=True)
        sweeper.start()
        sweeper.join(SIGTERM_SECONDS)
        self._has_swept = True
        # The first process of a container receives only the signals that it handles:
        # https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
        if os.getpid() != 1:
            if self._native_handler_chain is not None:
                faulthandler.unregister(signal.SIGTERM)
                os.kill(os.getpid(), signal.SIGTERM)
            else:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
            time.sleep(_MAIN_THREAD_SECONDS)
        os._exit(128 + signal.SIGTERM)  # as a shell reports a process that SIGTERM has ended

    def _on_sigterm(self, number: int, _: FrameType | None) -> None:
        if self._has_swept:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif self._pipe is not None:
            self.has_begun = True
            os.write(self._pipe[1], b"x")


# Signal handlers, ``atexit`` and forks belong to the process, so this object does too.
process_end = ProcessEnd()
atexit.register(process_end.sweep_at_end)
os.register_at_fork(
    before=process_end.hold_sigterm,
    after_in_parent=process_end.release_sigterm,
    after_in_child=process_end.start_anew,
)


def register(owner: Owner) -> None:
    """Sweep ``owner`` when this process ends, as long as it is in use."""
    process_end.owners[id(owner)] = owner
    process_end.watch_multiprocessing()
    process_end.watch_sigterm()
