"""Recording of open calls when the process ends, on SIGTERM or at the end of the program.

ECS, Kubernetes and systemd send SIGTERM and wait before they kill. Lambda sends it only to
functions with an extension, and by then the handler has already recorded its open calls.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from types import FrameType

    from tenant_bedrock.recorder import Recorder

SIGTERM_SECONDS = 10  # ECS and Kubernetes wait 30 s before they kill

# Signal handlers belong to the process, so the recorders to sweep are kept per process too.
_recorders: WeakSet[Recorder] = WeakSet()


def sweep_at_shutdown(recorder: Recorder) -> None:
    """Record the open calls of ``recorder`` when this process ends, as long as it is in use.

    A SIGTERM handler that the application has set stays in place; if it ends the program in an
    orderly way, ``atexit`` records the open calls. Only the main thread can set a handler.
    """
    _recorders.add(recorder)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, _: FrameType | None) -> None:
    """Record the open calls, then end the process as SIGTERM would have.

    The main thread may have been interrupted while it holds a lock that the sweep needs, so the
    sweep runs in a thread of its own.
    """
    sweeper = threading.Thread(target=_sweep, name="sweep", daemon=True)
    sweeper.start()
    sweeper.join(SIGTERM_SECONDS)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _sweep() -> None:
    for recorder in list(_recorders):
        recorder.sweep()


atexit.register(_sweep)
