"""Threads that run functions within a time, for requests that no timeout of botocore's limits."""

from __future__ import annotations

import threading
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_Value = TypeVar("_Value")
# The functions that one thread runs, one at a time; None ends it.
_Jobs = SimpleQueue["Callable[[], None] | None"]


class Workers:
    """Threads that wait for their next function.

    A new thread for each function would add 0.1 ms. A thread whose function takes too long is left
    behind until the function returns. All are daemons, so that none keeps the process from exiting; a
    ThreadPoolExecutor would.
    """

    def __init__(self) -> None:
        self._idle: deque[_Jobs] = deque()

    def __del__(self) -> None:
        for jobs in self._idle:
            jobs.put(None)

    def run(
        self, seconds: float, function: Callable[[], _Value], late: Callable[[], Exception]
    ) -> _Value:
        """Run ``function`` and return its value or raise its error; raise ``late()`` after ``seconds``."""
        results: SimpleQueue[tuple[_Value | None, BaseException | None]] = SimpleQueue()

        def job() -> None:
            try:
                results.put((function(), None))
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                results.put((None, error))

        try:
            jobs = self._idle.pop()
        except IndexError:
            jobs = SimpleQueue()
            thread = threading.Thread(
                target=_work, args=(jobs, self._idle), name="request", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # no thread can be started, as at the end of the interpreter
                return function()
        jobs.put(job)
        try:
            value, error = results.get(timeout=max(0.0, seconds))
        except Empty:
            raise late() from None
        if error is not None:
            raise error
        return cast("_Value", value)


def _work(jobs: _Jobs, idle: deque[_Jobs]) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # it refers to the function's value
        idle.append(jobs)
