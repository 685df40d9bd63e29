"""The clock of the local AWS, which tests can move to reach an expiry without waiting."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus an offset.

    Keys, presigned URLs and ``aws:CurrentTime`` follow this clock. Times that the *client* writes
    (the signature's date, a log event's timestamp) are compared with real time.
    """

    def __init__(self) -> None:
        self._offset = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time of the local AWS, in UTC."""
        with self._lock:
            return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward, or back: keys issued while it is behind expire sooner for a client."""
        with self._lock:
            self._offset += timedelta(seconds=seconds)
