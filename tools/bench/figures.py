"""The figures as a table, as JSON, as a picture, and as README's table."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tools.bench import RESULTS, machine
from tools.bench.functions import VARIANTS
from tools.bench.goals import Goal
from tools.cli.console import out, table
from tools.errors import CommandError
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.bench.functions import Section

NAMES = {"raw": "raw boto3", "naive": "LangChain, as usual", "ours": "this package"}
JSON = RESULTS / "functions.json"
PICTURE = RESULTS / "functions.png"
README = ROOT / "README.md"
# What README's table is made from: kept, so that a test can tell that it was.
PUBLISHED = ROOT / "tests" / "bench" / "functions.json"
PUBLISHED_PICTURE = ROOT / "tests" / "bench" / "functions.png"
BEGIN, END = "<!-- figures: written by `make bench README=1` -->", "<!-- end of figures -->"


def show(taken_on: Mapping[str, Any], sections: Mapping[str, Section]) -> None:
    """The machine, and a line for each figure."""
    out.print(
        f"[bold]The handler, median and (99th percentile)[/bold]\n{machine.in_words(dict(taken_on))}\n",
        soft_wrap=True,
    )
    shown = table("", *(NAMES[variant] for variant in VARIANTS))
    for row in rows(_content(taken_on, sections)):
        shown.add_row(*row)
    out.print(shown)
    out.print()


def write(taken_on: Mapping[str, Any], sections: Mapping[str, Section]) -> list[Path]:
    """Write these sections' figures; those of other sections stay as an earlier run left them."""
    kept = json.loads(JSON.read_text()) if JSON.is_file() else {}
    content = kept | _content(taken_on, sections)
    JSON.write_text(json.dumps(content, indent=2) + "\n")
    _draw(content, PICTURE)
    return [JSON, PICTURE]


def publish() -> list[Path]:
    """Write README's table and keep what it is made from."""
    shutil.copy(JSON, PUBLISHED)
    shutil.copy(PICTURE, PUBLISHED_PICTURE)
    before, begin, rest = README.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CommandError(f"README.md has no place for the table: it goes between\n{BEGIN}\n{END}")
    README.write_text(before + block(json.loads(PUBLISHED.read_text())) + after)
    return [PUBLISHED, PUBLISHED_PICTURE, README]


def block(content: Mapping[str, Any]) -> str:
    """README's table, from marker to marker."""
    lines = [
        f"| median (99th percentile) | {' | '.join(NAMES[variant] for variant in VARIANTS)} |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows(content)),
    ]
    goals = [f"- {Goal(**goal)}" for section in content.values() for goal in section["goals"]]
    # Sections may come from several runs; what else the machine did is told for all of them.
    machines = [section["machine"] for section in content.values()]
    loads = [taken_on["load"][0] for taken_on in machines]
    words = (
        f"Taken on {machines[0]['cores']} cores, {machines[0]['cpu']}, "
        f"at a load of {min(loads):.1f} to {max(loads):.1f} before each section began."
    )
    return "\n".join([BEGIN, *lines, "", *goals, "", words, END])


def rows(content: Mapping[str, Any]) -> list[list[str]]:
    """For each figure what it is, and each variant's value."""
    return [
        [figure["what"], *(_value(figure, variant) for variant in VARIANTS)]
        for section in content.values()
        for figure in section["figures"]
    ]


def _value(figure: Mapping[str, Any], variant: str) -> str:
    median, p99 = figure["median"][variant], figure["p99"][variant]
    if figure["unit"] == "calls":
        return f"{median:g}"
    digits = 0 if median >= 100 else 1
    spread = f" ({p99:.{digits}f})" if len(figure["samples"][variant]) > 1 else ""
    return f"{median:.{digits}f} {figure['unit']}{spread}"


def _content(taken_on: Mapping[str, Any], sections: Mapping[str, Section]) -> dict[str, Any]:
    return {
        name: {
            "machine": taken_on,
            "figures": [
                {
                    "what": figure.what,
                    "unit": figure.unit,
                    "median": {variant: round(figure.median(variant), 3) for variant in VARIANTS},
                    "p99": {variant: round(figure.p99(variant), 3) for variant in VARIANTS},
                    "samples": figure.samples,
                }
                for figure in section.figures
            ],
            "goals": [asdict(goal) for goal in section.goals],
        }
        for name, section in sections.items()
    }


def _draw(content: Mapping[str, Any], picture: Path) -> None:
    """A panel a figure, a bar a variant, and a line up to the 99th percentile."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only needed here

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figures = [
        figure
        for section in content.values()
        for figure in section["figures"]
        if figure["unit"] != "calls"
    ]
    across = 4
    down = -(-len(figures) // across)
    canvas, grid = plt.subplots(down, across, figsize=(4 * across, 3.2 * down), squeeze=False)
    panels: Sequence[Any] = list(grid.flat)
    for panel, figure in zip(panels, figures, strict=False):
        medians = [figure["median"][variant] for variant in VARIANTS]
        above = [figure["p99"][variant] - figure["median"][variant] for variant in VARIANTS]
        bars = panel.bar(
            [NAMES[variant] for variant in VARIANTS],
            medians,
            yerr=[[0] * len(above), above],
            color=["#8a8f98", "#c77b30", "#2f6f9f"],
            capsize=3,
        )
        labels = [f"{median:.0f}" if median >= 100 else f"{median:.1f}" for median in medians]
        panel.bar_label(bars, labels=labels, padding=4, fontsize=9)
        panel.margins(y=0.15)
        panel.set_title(figure["what"], fontsize=9, wrap=True)
        panel.set_ylabel(figure["unit"])
        panel.tick_params(axis="x", labelsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[len(figures) :]:
        panel.set_visible(False)
    canvas.tight_layout()
    canvas.savefig(picture, dpi=110)
    plt.close(canvas)
