"""The figures of the handler as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tools.bench import RESULTS, machine
from tools.bench.functions import VARIANTS
from tools.cli.console import out, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tools.bench.functions import Figure, Section

NAMES = {"raw": "raw boto3", "naive": "usual LangChain", "ours": "this package"}
JSON = RESULTS / "handler.json"


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


def write(machine_state: Mapping[str, Any], sections: Mapping[str, Section]) -> Path:
    """Write these sections' figures, keep those of earlier runs for other sections, return the file."""
    earlier = json.loads(JSON.read_text()) if JSON.is_file() else {}
    content = earlier | _content(machine_state, sections)
    JSON.write_text(json.dumps(content, indent=2) + "\n")
    return JSON


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
