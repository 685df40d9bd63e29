"""What was promised, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from tools.cli.console import out

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Goal:
    """A promise; ``met`` is None when this run does not show it."""

    promise: str
    measured: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """Whether it is kept, in a word or two."""
        return {True: "met", False: "missed", None: "not measured"}[self.met]

    def __str__(self) -> str:
        """All of it in a line."""
        return f"{self.verdict}: {self.promise}: {self.measured}"


def show(goals: Sequence[Goal]) -> None:
    """One line each."""
    colour = {True: "green", False: "red", None: "default"}
    for goal in goals:
        line = Text(str(goal))
        line.stylize(colour[goal.met], 0, len(goal.verdict))
        out.print(line, soft_wrap=True)
