"""Something that is to happen shortly before the time is up, unless it is put off or called off."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Alarm:
    """One thread for all invocations: starting one each time costs more than the rest of a sweep.

    Times are on the clock of ``time.monotonic``, in seconds; infinity is never.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._at = math.inf
        self._wakes_at = math.inf
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def set(self, at: float) -> None:
        """Act at that time, and not at the one set before."""
        with self._change:
            self._at = at
            if self._thread is None and at < math.inf:
                self._thread = threading.Thread(target=self._watch, name="alarm", daemon=True)
                self._thread.start()
            elif at < self._wakes_at:  # later than that, and it finds out when it wakes
                self._change.notify()

    def _watch(self) -> None:
        while True:
            with self._change:
                self._wakes_at = self._at
                left = self._at - time.monotonic()
                if left > 0:
                    self._change.wait(None if left == math.inf else left)
                    continue
                self._at = math.inf
            self._act()
