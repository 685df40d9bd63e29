"""The figures of the handler as a table, as JSON and as a picture."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tools.bench import RESULTS, machine
from tools.bench.functions import VARIANTS
from tools.cli.console import out, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.bench.functions import Figure, Section

NAMES = {"raw": "raw boto3", "naive": "usual LangChain", "ours": "this package"}
JSON = RESULTS / "handler.json"
PICTURE = RESULTS / "handler.png"


def show(machine_state: Mapping[str, Any], sections: Mapping[str, Section]) -> None:
    """Print the machine, and a line for each figure."""
    out.print(
        f"[bold]The handler, median and (99th percentile)[/bold]\n{machine.in_words(machine_state)}\n",
        soft_wrap=True,
    )
    rows = table("", *(NAMES[variant] for variant in VARIANTS))
    for section in sections.values():
        for figure in section.figures:
            rows.add_row(figure.name, *(_cell(figure, variant) for variant in VARIANTS))
    out.print(rows)
    out.print()


def write(machine_state: Mapping[str, Any], sections: Mapping[str, Section]) -> list[Path]:
    """Write these sections' figures and keep those that earlier runs wrote for other sections."""
    earlier = json.loads(JSON.read_text()) if JSON.is_file() else {}
    content = earlier | _content(machine_state, sections)
    JSON.write_text(json.dumps(content, indent=2) + "\n")
    _draw(content, PICTURE)
    return [JSON, PICTURE]


def _cell(figure: Figure, variant: str) -> str:
    median = figure.median(variant)
    if figure.unit == "calls":
        return f"{median:g}"
    digits = 0 if median >= 100 else 1
    p99 = f" ({figure.p99(variant):.{digits}f})" if len(figure.samples[variant]) > 1 else ""
    return f"{median:.{digits}f} {figure.unit}{p99}"


def _content(machine_state: Mapping[str, Any], sections: Mapping[str, Section]) -> dict[str, Any]:
    return {
        name: {
            "machine": machine_state,
            "figures": [
                {
                    "name": figure.name,
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
    """Draw a panel per figure with a bar per variant and a line up to the 99th percentile."""
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
        panel.set_title(figure["name"], fontsize=9, wrap=True)
        panel.set_ylabel(figure["unit"])
        panel.tick_params(axis="x", labelsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[len(figures) :]:
        panel.set_visible(False)
    canvas.tight_layout()
    canvas.savefig(picture, dpi=110)
    plt.close(canvas)
