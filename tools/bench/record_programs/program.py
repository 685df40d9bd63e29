"""What the programs have in common: their arguments, prompts that differ, and a watchdog."""

from __future__ import annotations

import argparse
import faulthandler
import itertools
import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STDERR = 2
HUNG = -signal.SIGALRM  # the exit code of a process that its watchdog ended
# Beyond ASCII and latin-1, which a process may have as its output's encoding.
WORDS = "grüße aus 東京 "


@dataclass
class Program:
    """One run; ``size`` is the least number of bytes of a prompt, ``chance`` comes from the seed."""

    run: str
    calls: int
    size: int
    chance: random.Random
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def prompt(self) -> str:
        """Return another prompt, which no other process uses either."""
        text = f"call {next(self.numbers)} of {self.run} in process {os.getpid()}: {WORDS}"
        return text + WORDS * (max(0, self.size - len(text.encode())) // len(WORDS.encode()))

    def in_threads(self, threads: int, step: Callable[[], object]) -> None:
        """Repeat ``step``, which makes one call, in as many threads until all calls are made."""
        with ThreadPoolExecutor(threads) as pool:
            for step_result in [pool.submit(step) for _ in range(self.calls)]:
                step_result.result()


def start() -> Program:
    """Read the arguments, and end the process by SIGALRM, with the stack of each thread, if it hangs.

    The handler is faulthandler's, which needs none of Python's locks. A forked child has a timer of its
    own, because it inherits none. It ends before its parent, which waits for it.
    """
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--run", required=True, help="the run's name, which is in every prompt")
    arguments.add_argument("--seed", required=True, help="for all that is chosen by chance")
    arguments.add_argument("--calls", type=int, required=True, help="how many calls to make")
    arguments.add_argument("--size", type=int, default=0, help="the least bytes of a prompt")
    arguments.add_argument("--seconds", type=int, default=120, help="after which it hangs")
    options = arguments.parse_args()

    faulthandler.enable(file=STDERR)
    faulthandler.register(signal.SIGALRM, file=STDERR, chain=True)
    signal.setitimer(signal.ITIMER_REAL, options.seconds)
    child_seconds = options.seconds / 2
    os.register_at_fork(after_in_child=lambda: _set_timer(child_seconds))
    chance = random.Random(options.seed)  # noqa: S311 - a script of faults, not a secret
    return Program(options.run, options.calls, options.size, chance)


def _set_timer(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)
