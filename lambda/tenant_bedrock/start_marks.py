"""Start marks that are not in the record log group yet."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tenant_bedrock.model_call import Stage

if TYPE_CHECKING:
    from tenant_bedrock.model_call import ModelCall
    from tenant_bedrock.parts import RecordText

# The start mark of a call that ends sooner is not put: its record is put instead.
MARK_AFTER_SECONDS = 0.05
_MARKED = frozenset({Stage.SENT, Stage.LOST})


class StartMarks:
    """Holds the mark of each call until it is due, or until the record of the call is written."""

    def __init__(self) -> None:
        self._marks: dict[str, tuple[float, ModelCall, RecordText]] = {}  # by record id
        self._is_awaited = False  # whether the delivery thread waits for the next mark to be due
        self._lock = threading.Lock()

    def add(self, call: ModelCall, mark: RecordText) -> bool:
        """Hold a mark; returns whether the delivery thread has to be woken for it."""
        with self._lock:
            self._marks[call.record_id] = time.monotonic() + MARK_AFTER_SECONDS, call, mark
            was_awaited, self._is_awaited = self._is_awaited, True
            return not was_awaited

    def remove(self, call: ModelCall) -> None:
        """Drop the mark of a call whose record has been written."""
        with self._lock:
            self._marks.pop(call.record_id, None)

    def seconds_to_next(self) -> float | None:
        """Seconds until the next mark is due, at least 0; None if there is none."""
        with self._lock:
            due = [due for due, call, _ in self._marks.values() if call.stage in _MARKED]
            self._is_awaited = bool(due)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def take_due(self) -> list[RecordText]:
        """Remove and return the marks that are due, of calls that have no record."""
        now = time.monotonic()
        with self._lock:
            due = [
                record_id
                for record_id, (due, call, _) in self._marks.items()
                if due <= now and call.stage in _MARKED
            ]
            return [self._marks.pop(record_id)[2] for record_id in due]
