"""The tenant's requests per second in this process."""

from __future__ import annotations

import asyncio
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING

from langchain_core.rate_limiters import BaseRateLimiter

from tenant_bedrock.errors import OutOfTimeError

if TYPE_CHECKING:
    from tenant_bedrock.time_budget import TimeBudget


class RequestRate(BaseRateLimiter):
    """A LangChain rate limiter whose requests wait in turn, and not past the invocation's end.

    LangChain's InMemoryRateLimiter waits without a limit and wakes ten times a second. After a pause,
    the requests of one second may be sent at once; the first request never waits.
    """

    def __init__(self, requests_per_second: float, budget: TimeBudget) -> None:
        self._interval = 1 / requests_per_second
        self._most_saved = max(0.0, 1 - self._interval)  # seconds' worth of turns, beside the next
        self._budget = budget
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all turns, also in a forked process, where no thread would release the lock."""
        self._next_turn: float | None = None  # set by the first request: a snapshot keeps no time
        self._lock = threading.Lock()
        # The garbage collector may close a waiting coroutine in a thread that holds the lock, so a
        # turn is given back without it.
        self._returned_turns: SimpleQueue[None] = SimpleQueue()

    def acquire(self, *, blocking: bool = True) -> bool:
        """Wait for a turn; raises OutOfTimeError at once if none comes within the invocation.

        A caller that is interrupted while it waits gives its turn back.
        """
        seconds = self._reserve(self._budget.seconds_to_wait() if blocking else 0)
        if seconds is None:
            return self._refuse(blocking)
        try:
            time.sleep(seconds)
        except BaseException:
            self._returned_turns.put(None)
            raise
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Like ``acquire``; a task that is cancelled while it waits gives its turn back."""
        seconds = self._reserve(self._budget.seconds_to_wait() if blocking else 0)
        if seconds is None:
            return self._refuse(blocking)
        try:
            await asyncio.sleep(seconds)
        except BaseException:
            self._returned_turns.put(None)
            raise
        return True

    def _reserve(self, longest: float) -> float | None:
        """Reserve the next turn and return the seconds until then; None if they exceed ``longest``."""
        now = time.monotonic()
        with self._lock:
            while self._next_turn is not None and not self._returned_turns.empty():
                self._returned_turns.get()
                self._next_turn -= self._interval
            turn = now if self._next_turn is None else max(self._next_turn, now - self._most_saved)
            seconds = max(0.0, turn - now)
            if seconds > max(0.0, longest):
                return None
            self._next_turn = turn + self._interval
            return seconds

    def _refuse(self, blocking: bool) -> bool:
        if not blocking:
            return False
        raise OutOfTimeError(
            f"The stanza allows {1 / self._interval:g} requests per second, and this request's turn "
            "does not come before the invocation's end. Nothing was sent. Make fewer calls in one "
            "invocation, or have quota.requests_per_second raised."
        )
