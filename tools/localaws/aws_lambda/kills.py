"""Scripted deaths of functions: SIGKILL now, or when the function reaches a step.

A step is ``init`` (the handler is loaded), ``response`` (the handler has returned, Lambda has not
taken the answer yet), ``before SERVICE:OPERATION`` (the function's call has arrived and is not
done), or ``after SERVICE:OPERATION`` (it is done, but the function is gone when the answer comes).
Services and operations are botocore's names: ``before logs:PutLogEvents``.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass
class Kill:
    """One death to come: at the step's occurrence number ``skip`` + 1."""

    account: str
    function: str
    step: str
    skip: int = 0


class FunctionKills:
    """The script; each death happens once."""

    def __init__(self) -> None:
        self._script: list[Kill] = []
        self._lock = threading.Lock()

    def add(self, kill: Kill) -> None:
        """Plan a death."""
        with self._lock:
            self._script.append(kill)

    def clear(self) -> None:
        """Forget all that has not happened yet."""
        with self._lock:
            self._script.clear()

    def take(self, account: str, function: str, step: str) -> bool:
        """Whether this function dies at this step, now that it has reached it."""
        with self._lock:
            for kill in self._script:
                if (kill.account, kill.function, kill.step) == (account, function, step):
                    kill.skip -= 1
                    if kill.skip < 0:
                        self._script.remove(kill)
                        return True
        return False
