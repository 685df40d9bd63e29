"""Measures the proof of the operations root's plan for 100 to 3,000 tenants, without planning it."""

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
    Measurement,
    Root,
    goal,
    growth,
    ours,
    variables,
    write,
)
from tools.cli.console import out, progress, table
from tools.command_error import CommandError
from tools.isolation import claims
from tools.isolation.certificate import Report
from tools.isolation.plan_reader import read
from tools.isolation.prover import prove as proved

if TYPE_CHECKING:
    import argparse

GOAL_SECONDS = 15.0  # on two idle cores


def prove(options: argparse.Namespace) -> bool:
    """Prove a plan of every size, print and write the figures; return whether a goal is missed."""
    machine_state = machine.describe()
    measurements = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Root(ours(Path(folder) / "ours"))
        for size in options.sizes:
            progress(f"planning {size:,} tenants")
            file = Path(folder) / "plan.json"
            file.write_text(json.dumps(root.plan_json(variables_with_profiles(size))))
            seconds = tuple(round(_seconds(file), 3) for _ in range(options.runs or RUNS))
            progress(f"proved {size:,} tenants: {', '.join(f'{run:.1f} s' for run in seconds)}")
            measurements.append(Measurement("proof", size, seconds))
    medians = {proofs.tenants: proofs.median for proofs in measurements}
    results = [
        goal(
            f"{GOAL_TENANTS:,} tenants are proved in at most {GOAL_SECONDS:.0f} s",
            medians.get(GOAL_TENANTS),
            GOAL_SECONDS,
            "{:.1f} s",
        ),
        growth(medians),
    ]
    out.print(
        f"[bold]the proof of a plan[/bold], median of {options.runs or RUNS}\n"
        f"{machine.in_words(machine_state)}\n",
        soft_wrap=True,
    )
    rows = table("tenants", "proof", "ms a tenant")
    for size, seconds_each in medians.items():
        rows.add_row(f"{size:,}", f"{seconds_each:.1f} s", f"{1000 * seconds_each / size:.1f}")
    out.print(rows)
    goals.show(results)
    write("prove", machine_state, measurements, results)
    return any(result.met is False for result in results)


def variables_with_profiles(tenants: int) -> dict[str, Any]:
    """Return ``variables`` with a tracked model for each tenant.

    The permissions on a tracked model name the tenant, so no two tenants have equal policies.
    """
    data = variables(tenants)
    data["limits"]["inference_profiles"] = max(1000, tenants)
    for tenant in data["tenants"].values():
        tenant["models"]["nova"] |= {"regions": ["eu-central-1"], "track": True}
    return data


def _seconds(file: Path) -> float:
    """Return the seconds from a plan's JSON to its certificate.

    Raises:
        CommandError: The plan is not proved.
    """
    started = time.perf_counter()
    proof = proved(claims.claims_for(read(json.loads(file.read_text()))))
    report = Report("bench", "a plan", (proof,), (), 0.0, datetime.now(UTC))
    report.certificate()
    if not report.holds:
        raise CommandError("\n".join(report.problems()[:3]))
    return time.perf_counter() - started
