"""The local AWS's clock, which can be moved so that expiry can be shown without waiting."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus an offset.

    Keys, presigned URLs and ``aws:CurrentTime`` follow this clock. What is compared with a time
    the *client* wrote (the signature's date, a log event's timestamp) follows real time.
    """

    def __init__(self) -> None:
        self._offset = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The cloud's time, in UTC."""
        with self._lock:
            return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock ahead, or back: keys made while it is behind end sooner for a client."""
        with self._lock:
            self._offset += timedelta(seconds=seconds)
