"""The same step in every customer account: several at a time, past failures, with a list of who failed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from rich.markup import escape

from tools.cli.console import CommandError, err, out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.terraform.state import State

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def first_alone(step: Callable[[_Item], _Made], items: Sequence[_Item], jobs: int) -> list[_Made]:
    """What ``step`` makes of each item, in their order, ``jobs`` at a time once the first is done.

    The first runs alone: terraform init writes the root's provider lock file, and two at once
    would race for it.
    """
    first = [step(item) for item in items[:1]]
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return [*first, *pool.map(step, items[1:])]


def over(states: Sequence[State], step: Callable[[State], str], jobs: int) -> int:
    """Run ``step`` for each state, ``jobs`` at a time; print one line each; return 1 if any failed."""
    failures: dict[str, str] = {}
    printing = threading.Lock()

    def one(state: State) -> None:
        try:
            line, problem = step(state), None
        except CommandError as error:
            line, problem = "failed", str(error)
        with printing:
            if problem is None:
                out.print(f"  [green]✓[/green] {state.label}  {escape(line)}")
            else:
                failures[state.label] = problem
                out.print(f"  [red]✗[/red] {state.label}  {line}")

    first_alone(one, states, jobs)
    if not failures:
        return 0
    for label, problem in failures.items():
        err.print(f"\n[red]{escape(label)}[/red]\n{escape(problem)}")
    err.print(
        f"\n[red]Failed: {len(failures)} of {len(states)}[/red]: {escape(', '.join(sorted(failures)))}"
    )
    return 1
