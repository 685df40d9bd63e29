"""Runs one step in many states side by side and continues after failures."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from tools.cli.console import err, out, styled
from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tools.terraform.state import State

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_in_parallel(
    step: Callable[[_Item], _Result], items: Sequence[_Item], jobs: int
) -> list[_Result]:
    """Return what ``step`` returns for each item, in order, with ``jobs`` at a time after the first.

    The first runs alone: terraform init writes the root's provider lock file, and two at once
    would race for it.
    """
    first = [step(item) for item in items[:1]]
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return [*first, *pool.map(step, items[1:])]


def print_success(state: State, line: str) -> None:
    """Print what a step that succeeded returned for a state: a line, or a plan of many lines."""
    out.print(styled("  ", ("✓", "green"), f" {state.label} "), line)


def try_each(
    states: Sequence[State], step: Callable[[State], _Result], jobs: int
) -> tuple[list[_Result], dict[str, str]]:
    """Return what ``step`` returns for each state in which it succeeds, and the other states' errors by label.

    ``jobs`` states are worked on at a time, and a CommandError in one does not stop the others.
    """
    failures: dict[str, str] = {}

    def attempt(state: State) -> list[_Result]:
        try:
            return [step(state)]
        except CommandError as error:
            failures[state.label] = str(error)
            return []

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


def run_for_each(states: Sequence[State], step: Callable[[State], str], jobs: int) -> int:
    """Run ``step`` in each state, ``jobs`` at a time, and print a line for each.

    A failure does not stop the other states. Returns 1 if any failed, and then lists them on stderr.
    """
    printing = threading.Lock()

    def run(state: State) -> None:
        try:
            line = step(state)
        except CommandError:
            with printing:
                out.print(styled("  ", ("✗", "red"), f" {state.label}  failed"))
            raise
        with printing:
            print_success(state, line)

    _, failures = try_each(states, run, jobs)
    return print_failures(failures, len(states))
