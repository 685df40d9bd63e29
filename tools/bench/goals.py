"""The performance goals, and what was measured for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from tools.cli.console import out

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Goal:
    """A goal; ``met`` is None if this run did not measure it."""

    promise: str
    measured: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """Whether the goal is met, in a word or two."""
        return {True: "met", False: "missed", None: "not measured"}[self.met]

    def __str__(self) -> str:
        """The verdict, the promise and the measured value."""
        return f"{self.verdict}: {self.promise}: {self.measured}"


def show(goals: Sequence[Goal]) -> None:
    """Print a line for each goal."""
    colour = {True: "green", False: "red", None: "default"}
    for goal in goals:
        line = Text(str(goal))
        line.stylize(colour[goal.met], 0, len(goal.verdict))
        out.print(line, soft_wrap=True)
