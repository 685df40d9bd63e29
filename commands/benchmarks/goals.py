"""What was promised, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands.console import out

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Goal:
    """A promise; ``met`` is None when this run does not show it."""

    promise: str
    measured: str
    met: bool | None


def show(goals: Sequence[Goal]) -> None:
    """One line each."""
    word = {True: "[green]met[/green]", False: "[red]missed[/red]", None: "not measured"}
    for goal in goals:
        out.print(f"{word[goal.met]}: {goal.promise}: {goal.measured}", soft_wrap=True)
