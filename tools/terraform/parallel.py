"""Runs one step in many states side by side and continues after failures."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws_error import aws_sentence
from tools.cli.console import err, out, progress, styled
from tools.command_error import CommandError
from tools.processes import LOOK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tools.terraform.state import State

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
CALLS_AT_A_TIME = 16  # of AWS, in Regions or at endpoints that do not wait for each other
LINE_SECONDS = 5.0  # at most one line that counts the states in this time


def map_in_parallel(
    step: Callable[[_Item], _Result], items: Sequence[_Item], jobs: int
) -> list[_Result]:
    """Return what ``step`` returns for each item, in order, with ``jobs`` at a time.

    A signal that ends the command ends it after the steps that have begun.
    """
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            futures = [pool.submit(step, item) for item in items]
            # Python handles signals between two steps of the main thread, and not while it waits without an end:
            # https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers
            while wait(futures, timeout=LOOK_SECONDS).not_done:
                pass
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def print_success(state: State, line: str) -> None:
    """Print what a step that succeeded returned for a state: a line, or a plan of many lines."""
    out.print(styled("  ", ("✓", "green"), f" {state.label} "), line)


def print_unplanned(state: State, line: str) -> None:
    """Print why a state is not planned, which is neither a success nor a failure."""
    out.print(styled("  ", ("…", "yellow"), f" {state.label} "), line)


def try_each(
    states: Sequence[State], step: Callable[[State], _Result], jobs: int, done: str = "done"
) -> tuple[list[_Result], dict[str, str]]:
    """Return what ``step`` returns for each state in which it succeeds, and the other states' errors by label.

    ``jobs`` states are worked on at a time, and an error of a command or of AWS in one does not stop the others.
    ``done`` says in the lines of progress what has happened to the states that are counted.
    """
    failures: dict[str, str] = {}
    counting = threading.Lock()
    count, shown = 0, time.monotonic()

    def attempt(state: State) -> list[_Result]:
        nonlocal count, shown
        try:
            return [step(state)]
        except CommandError as error:
            failures[state.label] = str(error)
            return []
        except (BotoCoreError, ClientError) as error:
            failures[state.label] = aws_sentence(error)
            return []
        finally:
            with counting:
                count += 1
                if count < len(states) and time.monotonic() - shown >= LINE_SECONDS:
                    shown = time.monotonic()
                    progress(f"{count} of {len(states)} states {done}, the last was {state.label}")

    results = [result for found in map_in_parallel(attempt, states, jobs) for result in found]
    return results, failures


def print_failures(failures: Mapping[str, str], total: int) -> int:
    """List on stderr what failed, of ``total`` states; returns 1 if anything did."""
    if not failures:
        return 0
    for label, problem in failures.items():
        err.print(f"\n{label}", style="red")
        err.print(problem)
    failed = f"Failed: {len(failures)} of {total}"
    err.print()
    err.print(styled((failed, "red"), f": {', '.join(sorted(failures))}"))
    return 1


def run_for_each(
    states: Sequence[State], step: Callable[[State], str], jobs: int, done: str = "done"
) -> int:
    """Run ``step`` in each state, ``jobs`` at a time, and print a line for each.

    A failure does not stop the other states. Returns 1 if any failed, and then lists them on stderr.
    """
    printing = threading.Lock()

    def run(state: State) -> None:
        try:
            line = step(state)
        except (CommandError, BotoCoreError, ClientError):
            with printing:
                out.print(styled("  ", ("✗", "red"), f" {state.label}  failed"))
            raise
        with printing:
            print_success(state, line)

    _, failures = try_each(states, run, jobs, done)
    return print_failures(failures, len(states))
