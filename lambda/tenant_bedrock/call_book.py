"""The book of a connection's calls: each stays in it until the outcome of its record is known."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from tenant_bedrock.model_call import OUTCOMES, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tenant_bedrock.model_call import ModelCall, Outcome, Phase
    from tenant_bedrock.parts import RecordText

_STAGES = {outcome: stage for stage, outcome in OUTCOMES.items()}


class CallBook:
    """Owns the stages of calls: sent, answered, writing, then acknowledged, copied or lost.

    Sweeps, SIGTERM, the end of the program and receipts read it; nothing else keeps a list of calls.
    ``on_first`` and ``on_last`` are called when the first call is entered and the last one leaves.

    Python's garbage collector may close an abandoned stream in any thread, also in one that holds
    this lock, so nothing that a finalizer reaches may call a method of this class.
    """

    def __init__(self, on_first: Callable[[], None], on_last: Callable[[], None]) -> None:
        self._on_first = on_first
        self._on_last = on_last
        self._calls: dict[str, ModelCall] = {}  # by record id
        self._make_locks()

    # --- the steps of a call, in order ---

    def send(self, call: ModelCall) -> None:
        """Enter a call whose request is about to leave."""
        with self._lock:
            if not self._calls:
                self._on_first()
            call.stage = Stage.SENT
            self._calls[call.record_id] = call

    def withdraw(self, call: ModelCall) -> None:
        """Remove a call whose request will not leave."""
        with self._lock:
            call.stage = Stage.BEGUN
            self._remove(call)

    def end(self, call: ModelCall, phase: Phase) -> bool:
        """Note that a call is over; False if the record of this phase or a final one exists.

        A call that was recorded as incomplete may still end. A call of the process that this one was
        forked from is that process's to record.
        """
        with self._lock:
            if call.process_id != os.getpid() or call.phase not in {None, "incomplete"} - {phase}:
                return False
            if not self._calls:
                self._on_first()
            call.stop_clock()
            call.phase, call.text, call.stage = phase, None, Stage.ANSWERED
            self._calls[call.record_id] = call
            return True

    def write(self, call: ModelCall, text: RecordText) -> RecordText:
        """Note that a record is being put, and return its text: the first one of its phase.

        Two threads may serialize a record at once, and a stream may grow between the two.
        """
        with self._lock:
            if call.phase != text.phase:
                return text
            if call.text is None:
                call.text = text
            if call.stage is Stage.ANSWERED:
                call.stage = Stage.WRITING
            return call.text

    def settle(self, call: ModelCall, phase: Phase, outcome: Outcome) -> bool:
        """Note where the record of ``phase`` is; False if a newer record has taken its place."""
        with self._lock:
            if call.phase != phase:
                return False
            call.stage = _STAGES[outcome]
            self._remove(call)
            self._change.notify_all()
            return True

    # --- readers ---

    def open_calls(self) -> list[ModelCall]:
        """The calls whose outcome is not known."""
        with self._lock:
            return list(self._calls.values())

    def wait(self, calls: Iterable[ModelCall], until: float) -> list[ModelCall]:
        """Wait until the calls have left the book; returns those still in it at ``until``.

        ``until`` is in seconds of ``time.monotonic``.
        """
        with self._lock:
            while True:
                rest = [call for call in calls if self._calls.get(call.record_id) is call]
                seconds = until - time.monotonic()
                if not rest or seconds <= 0:
                    return rest
                self._change.wait(seconds)

    def forget(self) -> None:
        """Start empty in a forked process, whose copy of the lock may be held by no thread of it."""
        self._make_locks()
        if self._calls:
            self._on_last()
        self._calls = {}

    def _make_locks(self) -> None:
        # The lock is taken by itself: ``Condition.__enter__`` is Python code, in which an exception of a
        # signal handler can arrive after the lock was taken and before it would be released.
        self._lock = threading.Lock()
        self._change = threading.Condition(self._lock)

    def _remove(self, call: ModelCall) -> None:
        if self._calls.pop(call.record_id, None) is not None and not self._calls:
            self._on_last()
