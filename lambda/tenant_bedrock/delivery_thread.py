"""The thread that delivers what must not be delivered in the thread where it arose."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol
from weakref import ref

if TYPE_CHECKING:
    from tenant_bedrock.model_call import ModelCall


class Deliverer(Protocol):
    """What the thread works for."""

    def deliver_later(self, call: ModelCall | None) -> float | None:
        """Deliver an abandoned call, if there is one, and what is due.

        Returns the seconds until something is due again, or None. Never raises.
        """


class DeliveryThread:
    """A thread that waits for abandoned calls and for the next time that something is due.

    Finalizers may use ``queue`` and nothing else of this class. ``None`` in the queue wakes the thread.
    The thread does not keep ``deliverer`` alive.
    """

    def __init__(self, deliverer: Deliverer) -> None:
        self.queue: SimpleQueue[ModelCall | None] = SimpleQueue()
        self._deliverer = ref(deliverer)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the thread unless it is running; a snapshot or a fork has no threads."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(
                    target=_run, args=(self.queue, self._deliverer), name="record", daemon=True
                )
                # The limit of threads, or the end of the interpreter: a sweep delivers instead.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def wake(self) -> None:
        """Have the thread look for what is due."""
        self.queue.put(None)


def _run(queue: SimpleQueue[ModelCall | None], deliverer: ref[Deliverer]) -> None:
    seconds: float | None = None
    while True:
        try:
            call = queue.get(timeout=seconds)
        except Empty:
            call = None
        owner = deliverer()
        if owner is None:
            return
        seconds = owner.deliver_later(call)
        del owner, call
