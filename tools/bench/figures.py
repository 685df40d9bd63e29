"""What a section of the bench measures, how it is printed, and how it is written as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench import RESULTS
from tools.cli.console import out, styled, table

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is compared; not every section measures all of them.
VARIANTS = {"raw": "raw boto3", "usual": "as usually written", "ours": "this project"}


@dataclass(frozen=True)
class Figure:
    """One line of the table: the samples of each variant that was measured, in ``unit``."""

    name: str
    unit: str
    samples: Mapping[str, list[float]]

    def median(self, variant: str) -> float:
        """Return the median."""
        return statistics.median(self.samples[variant])

    def p99(self, variant: str) -> float:
        """Return the 99th percentile, which of fewer than a hundred samples is the greatest."""
        ordered = sorted(self.samples[variant])
        return ordered[max(0, -(-99 * len(ordered) // 100) - 1)]


@dataclass(frozen=True)
class Goal:
    """What was measured for a goal, and the most that it may be, in ``unit``."""

    name: str
    measured: float
    most: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Whether the goal is met."""
        return self.measured <= self.most


@dataclass(frozen=True)
class Tally:
    """How often each outcome occurred in the part of a section that is called ``name``."""

    name: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Section:
    """The figures of one section, the goals that they show, and tallies with the same outcomes."""

    figures: list[Figure]
    goals: list[Goal]
    tallies: list[Tally] = field(default_factory=list)


def describe_machine() -> dict[str, Any]:
    """Return the processor, the number of usable cores, the load averages and the Python version."""
    return {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "cpu": _cpu(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
    }


def show(name: str, machine: Mapping[str, Any], section: Section) -> None:
    """Print the machine, a line for each figure, and a line for each goal."""
    load = " ".join(f"{value:.1f}" for value in machine["load"])
    out.print(styled((name, "bold"), ", median (99th percentile)"))
    out.print(f"{machine['cores']} cores, {machine['cpu']}, load {load}\n")
    measured = {variant for figure in section.figures for variant in figure.samples}
    variants = [variant for variant in VARIANTS if variant in measured]
    rows = table("", *(VARIANTS[variant] for variant in variants))
    for figure in section.figures:
        rows.add_row(figure.name, *(_cell(figure, variant) for variant in variants))
    out.print(rows)
    if section.tallies:
        rows = table("", *section.tallies[0].counts)
        for tally in section.tallies:
            rows.add_row(tally.name, *(f"{count:,}" for count in tally.counts.values()))
        out.print(rows)
    for goal in section.goals:
        verdict = ("met", "green") if goal.is_met else ("missed", "red")
        result = f": {goal.name}: {goal.measured:.3g} {goal.unit}, at most {goal.most:g}"
        out.print(styled(verdict, result))
    out.print()


def write(name: str, machine: Mapping[str, Any], section: Section) -> Path:
    """Write a section's figures as JSON to build/bench, and return the file."""
    figures = [
        {
            **asdict(figure),
            "median": {variant: figure.median(variant) for variant in figure.samples},
            "p99": {variant: figure.p99(variant) for variant in figure.samples},
        }
        for figure in section.figures
    ]
    goals = [{**asdict(goal), "is_met": goal.is_met} for goal in section.goals]
    file = RESULTS / f"{name}.json"
    tallies = [asdict(tally) for tally in section.tallies]
    content = {"machine": machine, "figures": figures, "tallies": tallies, "goals": goals}
    file.write_text(json.dumps(content, indent=2) + "\n")
    return file


def _cell(figure: Figure, variant: str) -> str:
    if variant not in figure.samples:
        return "-"
    median = figure.median(variant)
    if figure.unit == "calls":
        return f"{median:,g}"
    digits = 0 if median >= 100 else 1
    p99 = f" ({figure.p99(variant):.{digits}f})" if len(figure.samples[variant]) > 1 else ""
    return f"{median:.{digits}f} {figure.unit}{p99}"


def _cpu() -> str:
    """Return the processor's model on Linux, and its architecture elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
