"""The proof of the operations root's plan for 100 to 3,000 tenants, once the plan is made."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench import goals, machine
from tools.bench.plan_time import (
    GOAL_TENANTS,
    RUNS,
    Measured,
    Root,
    generated,
    goal,
    growth,
    ours,
    write,
)
from tools.cli.console import out, progress, table
from tools.errors import CommandError
from tools.isolation import claims
from tools.isolation.certificate import Report
from tools.isolation.plan_reader import read
from tools.isolation.prover import prove as proved

if TYPE_CHECKING:
    import argparse

GOAL_SECONDS = 15.0  # on two idle cores


def prove(chosen: argparse.Namespace) -> bool:
    """Prove plans of every size, print and write the figures; True when a goal is missed."""
    taken_on = machine.describe()
    measured = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Root(ours(Path(folder) / "ours"))
        for size in chosen.sizes:
            progress(f"planning {size:,} tenants")
            file = Path(folder) / "plan.json"
            file.write_text(json.dumps(root.shown(each_with_a_profile(size))))
            seconds = tuple(round(_seconds(file), 3) for _ in range(chosen.runs or RUNS))
            progress(f"proved {size:,} tenants: {', '.join(f'{one:.1f} s' for one in seconds)}")
            measured.append(Measured("proof", size, seconds))
    median = {one.tenants: one.median for one in measured}
    reached = [
        goal(
            f"{GOAL_TENANTS:,} tenants are proved in at most {GOAL_SECONDS:.0f} s",
            median.get(GOAL_TENANTS),
            GOAL_SECONDS,
            "{:.1f} s",
        ),
        growth(median),
    ]
    out.print(
        f"[bold]the proof of a plan[/bold], median of {chosen.runs or RUNS}\n"
        f"{machine.in_words(taken_on)}\n",
        soft_wrap=True,
    )
    shown = table("tenants", "proof", "ms a tenant")
    for size, middle in median.items():
        shown.add_row(f"{size:,}", f"{middle:.1f} s", f"{1000 * middle / size:.1f}")
    out.print(shown)
    goals.show(reached)
    write("prove", taken_on, measured, reached)
    return any(one.met is False for one in reached)


def each_with_a_profile(tenants: int) -> dict[str, Any]:
    """``generated``, with a tracked model for each: its policy names the tenant, so none is like another."""
    data = generated(tenants)
    data["limits"]["inference_profiles"] = max(1000, tenants)
    for its in data["tenants"].values():
        its["models"]["nova"] |= {"regions": ["eu-central-1"], "track": True}
    return data


def _seconds(file: Path) -> float:
    """Seconds from a plan's JSON to its certificate; CommandError where it is not proved."""
    started = time.perf_counter()
    proof = proved(claims.of(read(json.loads(file.read_text()))))
    report = Report("bench", "a plan", (proof,), (), 0.0, datetime.now(UTC))
    report.certificate()
    if not report.holds:
        raise CommandError("\n".join(report.problems()[:3]))
    return time.perf_counter() - started
