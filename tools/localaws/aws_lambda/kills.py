"""Scripted deaths of functions: SIGKILL now, or when the function reaches a step.

A step is ``init`` (the handler is loaded), ``response`` (the handler has returned, but Lambda has not
received the answer), ``before SERVICE:OPERATION`` (the function's call has arrived and is not
served yet), or ``after SERVICE:OPERATION`` (it is served, but the function dies before the response).
Services and operations are botocore's names: ``before logs:PutLogEvents``.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass
class Kill:
    """One scripted death, at the step's occurrence number ``skip`` + 1."""

    account: str
    function: str
    step: str
    skip: int = 0


class FunctionKills:
    """The script; each death occurs once."""

    def __init__(self) -> None:
        self._script: list[Kill] = []
        self._lock = threading.Lock()

    def add(self, kill: Kill) -> None:
        """Script a death."""
        with self._lock:
            self._script.append(kill)

    def clear(self) -> None:
        """Remove all deaths that have not occurred yet."""
        with self._lock:
            self._script.clear()

    def take(self, account: str, function: str, step: str) -> bool:
        """Whether this function dies at the step that it has just reached; counts the occurrence."""
        with self._lock:
            for kill in self._script:
                if (kill.account, kill.function, kill.step) == (account, function, step):
                    kill.skip -= 1
                    if kill.skip < 0:
                        self._script.remove(kill)
                        return True
        return False
