"""A process that ends: what is still open is recorded first, on SIGTERM and at a regular end.

ECS, Kubernetes and systemd send SIGTERM and wait before they kill; Lambda sends it only to
functions with an extension, and the handler has swept by then.
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

SIGTERM_SECONDS = 10  # ECS waits 30 before it kills, Kubernetes too

# Signal handlers belong to the process, so this does too.
_recorders: WeakSet[Recorder] = WeakSet()


def sweep_when_leaving(recorder: Recorder) -> None:
    """Have ``recorder`` swept when this process ends, for as long as it is in use.

    A handler of SIGTERM that the application has set is left alone: a program that it ends in order
    sweeps all the same. Only the main thread may set one.
    """
    _recorders.add(recorder)
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, _: FrameType | None) -> None:
    """Sweep, then end as the process would have.

    In a thread of its own: this one may have been stopped while it holds a lock that is needed.
    """
    sweeping = threading.Thread(target=_sweep, name="sweep", daemon=True)
    sweeping.start()
    sweeping.join(SIGTERM_SECONDS)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _sweep() -> None:
    for recorder in list(_recorders):
        recorder.sweep()


atexit.register(_sweep)
