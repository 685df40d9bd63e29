"""Measures `terraform plan` of the operations root for 100 to 3,000 tenants.

The same roles written the usual way (``usual_terraform``) are planned for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench import RESULTS, goals, machine
from tools.bench.goals import Goal
from tools.cli.console import out, progress, table
from tools.command_error import CommandError
from tools.paths import ROOT
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFERENCE = ROOT / "tools" / "bench" / "usual_terraform"

SIZES = (100, 300, 1000, 3000)
RUNS = 3  # plans of each, for the median
REFERENCE_UP_TO = 1000  # for 3,000 tenants one plan of the reference takes most of an hour
GOAL_TENANTS, GOAL_SECONDS = 1000, 25.0
GOAL_GROWTH = 1.3  # time per tenant at 3,000 over time per tenant at 300
GROWTH_FROM, GROWTH_TO = 300, 3000

DATA = "bench.tfvars.json"
PLAN = ("-input=false", "-lock=false", f"-var-file={DATA}")

# Overrides the root's provider and backend, so that a plan needs no account and no network:
# https://developer.hashicorp.com/terraform/language/files/override
OFFLINE = """\
terraform {
  backend "local" {}
}

provider "aws" {
  access_key                  = "test"
  allowed_account_ids         = null
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}
"""


@dataclass(frozen=True)
class Measurement:
    """The plans of one variant for a number of tenants, in wall-clock seconds."""

    variant: str
    tenants: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median of the runs, in seconds."""
        return statistics.median(self.seconds)


def plan(options: argparse.Namespace) -> bool:
    """Plan both variants for every size, print and write the figures; return whether a goal is missed."""
    machine_state = {**machine.describe(), "terraform": _terraform_version()}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        variants = {
            "ours": Root(ours(Path(folder) / "ours")),
            "reference": Root(reference(Path(folder) / "reference")),
        }
        measurements = _interleaved(
            variants, options.sizes, options.runs or RUNS, options.reference
        )
    results = judge(measurements)
    show(machine_state, measurements)
    goals.show(results)
    write("plan", machine_state, measurements, results)
    return any(result.met is False for result in results)


class Root:
    """A Terraform root that can be planned without an account and without a state."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "offline_override.tf").write_text(OFFLINE)
        toolchain = ensure_toolchain(progress)
        self._terraform = toolchain.terraform
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        self._environment = toolchain.environment(
            {**environment, "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"}
        )
        self._run("init")

    def plan(self, tenants: int) -> float:
        """Return the seconds that a plan takes for this number of new tenants.

        Raises:
            CommandError: The plan fails or lacks a role.
        """
        (self.path / DATA).write_text(json.dumps(variables(tenants)))
        started = time.perf_counter()
        output = self._run("plan", *PLAN)
        seconds = time.perf_counter() - started
        additions = re.search(r"Plan: (\d+) to add, 0 to change", output)
        if additions is None or int(additions[1]) < tenants:
            raise CommandError(f"{self.path.name} does not plan a role for each tenant.")
        return seconds

    def plan_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the plan for these variables as `terraform show -json` prints it."""
        (self.path / DATA).write_text(json.dumps(data))
        self._run("plan", *PLAN, "-out=plan")
        plan: dict[str, Any] = json.loads(self._run("show", "-json", "plan"))
        return plan

    def _run(self, command: str, *options: str) -> str:
        # `terraform show -json` has no colours and rejects the option in this place.
        colour = [] if command == "show" else ["-no-color"]
        run = subprocess.run(
            [self._terraform, command, *colour, *options],
            cwd=self.path,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise CommandError(
                f"terraform {command} failed in {self.path.name}: {run.stderr.strip()}"
            )
        return run.stdout


def ours(folder: Path) -> Path:
    """Copy the operations root and its modules to ``folder``; return the copy of the root."""
    ignore = shutil.ignore_patterns(".terraform*")
    shutil.copytree(ROOT / "modules", folder / "modules", ignore=ignore)
    environments = folder / "environments"
    shutil.copytree(
        ROOT / "environments" / "operations",
        environments / "operations",
        symlinks=True,
        ignore=ignore,
    )
    for shared in (ROOT / "environments").glob("*.tf"):
        shutil.copy(shared, environments)
    return environments / "operations"


def reference(folder: Path) -> Path:
    """Copy the same roles written the usual way to ``folder``, and return it."""
    shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns(".terraform*"))
    return folder


def variables(tenants: int) -> dict[str, Any]:
    """Return an environment of this many tenants, as the variables of the operations root.

    Each tenant has one or two accounts, a model on demand and a model with a geographic profile.
    """
    return {
        "environment": "bench",
        "operations": {"account_id": "111111111111", "region": "eu-central-1"},
        "limits": {"roles": max(1000, tenants)},
        "tenants": {
            f"tenant-{index:05}": {
                "accounts": {
                    f"{number:012}": {}
                    for number in range(2 * index, 2 * index + 1 + (index % 4 == 0))
                },
                "external_ids": {"current": f"{index:032x}"},
                "models": {
                    "claude": {
                        "model": "anthropic.claude-3-5-haiku-20241022-v1:0",
                        "profile": "eu.",
                        "regions": ["eu-central-1"],
                        "route": "geographic",
                    },
                    "nova": {
                        "model": "amazon.nova-lite-v1:0",
                        "regions": ["eu-central-1", "eu-west-1"],
                    },
                },
                "quota": {"max_tokens_per_call": 4096, "tokens_per_day": 1000000},
            }
            for index in range(tenants)
        },
    }


def judge(measurements: Sequence[Measurement]) -> list[Goal]:
    """Compare the measurements with the goals."""
    medians = {(plans.variant, plans.tenants): plans.median for plans in measurements}
    return [
        goal(
            f"{GOAL_TENANTS:,} tenants plan in at most {GOAL_SECONDS:.0f} s",
            medians.get(("ours", GOAL_TENANTS)),
            GOAL_SECONDS,
            "{:.1f} s",
        ),
        growth(
            {tenants: seconds for (name, tenants), seconds in medians.items() if name == "ours"}
        ),
    ]


def show(machine_state: dict[str, Any], measurements: Sequence[Measurement]) -> None:
    """Print the machine and the table."""
    medians = {(plans.variant, plans.tenants): plans.median for plans in measurements}
    out.print(
        f"[bold]terraform plan of the operations root[/bold], median of {len(measurements[0].seconds)}\n"
        f"{machine.in_words(machine_state)}, {machine_state['terraform']}\n",
        soft_wrap=True,
    )
    rows = table("tenants", "ours", "ms a tenant", "reference", "ms a tenant", "reference/ours")
    for size in sorted({plans.tenants for plans in measurements}):
        ours_seconds, reference_seconds = medians["ours", size], medians.get(("reference", size))
        rows.add_row(
            f"{size:,}",
            f"{ours_seconds:.1f} s",
            f"{1000 * ours_seconds / size:.1f}",
            *(
                ["not run", "", ""]
                if reference_seconds is None
                else [
                    f"{reference_seconds:.1f} s",
                    f"{1000 * reference_seconds / size:.1f}",
                    f"{reference_seconds / ours_seconds:.1f}",
                ]
            ),
        )
    out.print(rows)
    out.print()


def write(
    section: str,
    machine_state: dict[str, Any],
    measurements: Sequence[Measurement],
    results: Sequence[Goal],
) -> None:
    """Write the figures of a section as JSON to build/bench."""
    content = {
        "machine": machine_state,
        "load_after": os.getloadavg(),
        "measured": [{**asdict(plans), "median": round(plans.median, 2)} for plans in measurements],
        "goals": [asdict(goal) for goal in results],
    }
    file = RESULTS / f"{section}.json"
    file.write_text(json.dumps(content, indent=2) + "\n")
    out.print(f"\nWritten to {file.relative_to(ROOT)}.")


def _terraform_version() -> str:
    run = subprocess.run(
        [ensure_toolchain(progress).terraform, "version"],
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.splitlines()[0]


def _interleaved(
    variants: dict[str, Root], sizes: Sequence[int], runs: int, reference_up_to: int
) -> list[Measurement]:
    """Plan the variants and sizes in turns, so that other load on the machine affects all of them."""
    samples: dict[tuple[str, int], list[float]] = {}
    for turn in range(1, runs + 1):
        for size in sizes:
            for name, root in variants.items():
                if name == "reference" and size > reference_up_to:
                    continue
                seconds = root.plan(size)
                progress(f"run {turn} of {runs}: {name} with {size:,} tenants: {seconds:.1f} s")
                samples.setdefault((name, size), []).append(round(seconds, 3))
    return [Measurement(name, size, tuple(seconds)) for (name, size), seconds in samples.items()]


def growth(medians: Mapping[int, float]) -> Goal:
    """Judge whether the time grows in proportion to the tenants; ``medians`` are seconds by tenants."""
    value = None
    if {GROWTH_FROM, GROWTH_TO} <= medians.keys():
        value = medians[GROWTH_TO] / GROWTH_TO / (medians[GROWTH_FROM] / GROWTH_FROM)
    return goal(
        f"a tenant takes at most {GOAL_GROWTH} times as long among {GROWTH_TO:,} as among {GROWTH_FROM}",
        value,
        GOAL_GROWTH,
        "{:.2f} times",
    )


def goal(promise: str, value: float | None, most: float, form: str) -> Goal:
    """Judge whether ``value`` is at most ``most``; it is None if these sizes do not show it."""
    if value is None:
        return Goal(promise, "these sizes do not show it", None)
    return Goal(promise, form.format(value), value <= most)


def sizes(text: str) -> tuple[int, ...]:
    """Parse SIZES=, numbers of tenants with commas between them."""
    numbers = tuple(int(size) for size in text.split(","))
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("write numbers of at least 1, with commas between them")
    return numbers
