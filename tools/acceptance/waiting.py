"""Waits for something that takes effect with a delay, and measures the delay."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

_Value = TypeVar("_Value")


class NeverError(CommandError):
    """A change that must have an effect had none in time."""


class Clock:
    """The time of this machine; a test has another."""

    def now(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Delay(Generic[_Value]):
    """How it ended: the first value that was not None, if any, after how many seconds and attempts."""

    value: _Value | None
    seconds: float
    attempts: int

    @property
    def words(self) -> str:
        """The delay as the end of a sentence."""
        return f"after {self.seconds:.1f} s, in attempt {self.attempts}"


def wait_for(
    attempt: Callable[[], _Value | None],
    clock: Clock,
    *,
    longest: float,
    pause: float,
    since: float | None = None,
) -> Delay[_Value]:
    """Repeat an attempt until it returns a value or ``longest`` seconds are over; at least once.

    The seconds count from ``since``, a time of the clock, or from now.
    """
    started = clock.now() if since is None else since
    attempts = 0
    while True:
        value = attempt()
        attempts += 1
        seconds = clock.now() - started
        if value is not None or seconds >= longest:
            return Delay(value, seconds, attempts)
        clock.sleep(min(pause, max(0.0, longest - seconds)))
