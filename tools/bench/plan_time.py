"""`terraform plan` of the operations root for 100 to 3,000 tenants, ours beside the usual way."""

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
from tools.errors import CommandError
from tools.paths import ROOT
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFERENCE = ROOT / "tools" / "bench" / "usual_terraform"

SIZES = (100, 300, 1000, 3000)
RUNS = 3  # plans of each, for the median
REFERENCE_UP_TO = 1000  # beyond, one plan of the reference takes most of an hour
GOAL_TENANTS, GOAL_SECONDS = 1000, 25.0
GOAL_GROWTH = 1.3  # time per tenant at 3,000 over time per tenant at 300
GROWTH_FROM, GROWTH_TO = 300, 3000

DATA = "bench.tfvars.json"
PLAN = ("-input=false", "-lock=false", f"-var-file={DATA}")

# Merged into a root's own files, so that planning asks nobody anything:
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
class Measured:
    """The plans of one variant at one size, in wall-clock seconds."""

    variant: str
    tenants: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the runs, in seconds."""
        return statistics.median(self.seconds)


def plan(chosen: argparse.Namespace) -> bool:
    """Plan both variants at every size, print and write the figures; True when a goal is missed."""
    taken_on = {**machine.describe(), "terraform": _terraform_version()}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        variants = {
            "ours": Root(ours(Path(folder) / "ours")),
            "reference": Root(reference(Path(folder) / "reference")),
        }
        measured = _interleaved(variants, chosen.sizes, chosen.runs or RUNS, chosen.reference)
    reached = judge(measured)
    show(taken_on, measured)
    goals.show(reached)
    write("plan", taken_on, measured, reached)
    return any(goal.met is False for goal in reached)


class Root:
    """A Terraform root that plans without an account and without a state."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "offline_override.tf").write_text(OFFLINE)
        toolchain = ensure_toolchain(progress)
        self._terraform = toolchain.terraform
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._environment = toolchain.environment(
            {**kept, "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"}
        )
        self._run("init")

    def plan(self, tenants: int) -> float:
        """Seconds that planning takes for so many new tenants; CommandError when it does not plan."""
        (self.path / DATA).write_text(json.dumps(generated(tenants)))
        started = time.perf_counter()
        printed = self._run("plan", *PLAN)
        seconds = time.perf_counter() - started
        added = re.search(r"Plan: (\d+) to add, 0 to change", printed)
        if added is None or int(added[1]) < tenants:
            raise CommandError(f"{self.path.name} does not plan a role for each tenant.")
        return seconds

    def show(self, tenants: int) -> dict[str, Any]:
        """The plan for so many tenants as `terraform show -json` tells it."""
        return self.shown(generated(tenants))

    def shown(self, data: dict[str, Any]) -> dict[str, Any]:
        """The plan for these variables as `terraform show -json` tells it."""
        (self.path / DATA).write_text(json.dumps(data))
        self._run("plan", *PLAN, "-out=plan")
        shown: dict[str, Any] = json.loads(self._run("show", "-json", "plan"))
        return shown

    def _run(self, command: str, *options: str) -> str:
        # `show -json` needs no word about colours, and takes none.
        colour = [] if command == "show" else ["-no-color"]
        done = subprocess.run(
            [self._terraform, command, *colour, *options],
            cwd=self.path,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(f"terraform {command} in {self.path.name}: {done.stderr.strip()}")
        return done.stdout


def ours(folder: Path) -> Path:
    """A copy of the operations root and of what it is made of; returns the root."""
    unwanted = shutil.ignore_patterns(".terraform*")
    shutil.copytree(ROOT / "modules", folder / "modules", ignore=unwanted)
    environments = folder / "environments"
    shutil.copytree(
        ROOT / "environments" / "operations",
        environments / "operations",
        symlinks=True,
        ignore=unwanted,
    )
    for shared in (ROOT / "environments").glob("*.tf"):
        shutil.copy(shared, environments)
    return environments / "operations"


def reference(folder: Path) -> Path:
    """A copy of the same roles written the usual way."""
    shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns(".terraform*"))
    return folder


def generated(tenants: int) -> dict[str, Any]:
    """An environment with so many tenants: one or two accounts each, a model on demand and one by profile."""
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


def judge(measured: Sequence[Measured]) -> list[Goal]:
    """Which goals these figures meet."""
    median = {(one.variant, one.tenants): one.median for one in measured}
    return [
        goal(
            f"{GOAL_TENANTS:,} tenants plan in at most {GOAL_SECONDS:.0f} s",
            median.get(("ours", GOAL_TENANTS)),
            GOAL_SECONDS,
            "{:.1f} s",
        ),
        growth({tenants: middle for (name, tenants), middle in median.items() if name == "ours"}),
    ]


def show(taken_on: dict[str, Any], measured: Sequence[Measured]) -> None:
    """The machine and the table."""
    median = {(one.variant, one.tenants): one.median for one in measured}
    out.print(
        f"[bold]terraform plan of the operations root[/bold], median of {len(measured[0].seconds)}\n"
        f"{machine.in_words(taken_on)}, {taken_on['terraform']}\n",
        soft_wrap=True,
    )
    shown = table("tenants", "ours", "ms a tenant", "reference", "ms a tenant", "reference/ours")
    for size in sorted({one.tenants for one in measured}):
        own, usual = median["ours", size], median.get(("reference", size))
        shown.add_row(
            f"{size:,}",
            f"{own:.1f} s",
            f"{1000 * own / size:.1f}",
            *(
                ["not run", "", ""]
                if usual is None
                else [f"{usual:.1f} s", f"{1000 * usual / size:.1f}", f"{usual / own:.1f}"]
            ),
        )
    out.print(shown)
    out.print()


def write(
    section: str, taken_on: dict[str, Any], measured: Sequence[Measured], reached: Sequence[Goal]
) -> None:
    """The figures for machines, in RESULTS."""
    content = {
        "machine": taken_on,
        "load_after": os.getloadavg(),
        "measured": [{**asdict(one), "median": round(one.median, 2)} for one in measured],
        "goals": [asdict(one) for one in reached],
    }
    file = RESULTS / f"{section}.json"
    file.write_text(json.dumps(content, indent=2) + "\n")
    out.print(f"\nWritten to {file.relative_to(ROOT)}.")


def _terraform_version() -> str:
    said = subprocess.run(
        [ensure_toolchain(progress).terraform, "version"],
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.splitlines()[0]


def _interleaved(
    variants: dict[str, Root], sizes: Sequence[int], runs: int, reference_up_to: int
) -> list[Measured]:
    """Every variant at every size, in turns, so that what else the machine does falls on all alike."""
    taken: dict[tuple[str, int], list[float]] = {}
    for turn in range(1, runs + 1):
        for size in sizes:
            for name, root in variants.items():
                if name == "reference" and size > reference_up_to:
                    continue
                seconds = root.plan(size)
                progress(f"run {turn} of {runs}: {name} with {size:,} tenants: {seconds:.1f} s")
                taken.setdefault((name, size), []).append(seconds)
    return [
        Measured(name, size, tuple(round(one, 3) for one in seconds))
        for (name, size), seconds in taken.items()
    ]


def growth(median: Mapping[int, float]) -> Goal:
    """Whether time grows with the tenants and no faster; ``median`` seconds by number of tenants."""
    shown = {GROWTH_FROM, GROWTH_TO} <= median.keys()
    return goal(
        f"a tenant takes at most {GOAL_GROWTH} times as long among {GROWTH_TO:,} as among {GROWTH_FROM}",
        median[GROWTH_TO] / GROWTH_TO / (median[GROWTH_FROM] / GROWTH_FROM) if shown else None,
        GOAL_GROWTH,
        "{:.2f} times",
    )


def goal(promise: str, value: float | None, most: float, form: str) -> Goal:
    """Whether ``value`` is at most what was promised; None where it was not measured."""
    if value is None:
        return Goal(promise, "these sizes do not show it", None)
    return Goal(promise, form.format(value), value <= most)


def sizes(text: str) -> tuple[int, ...]:
    """The numbers of tenants that SIZES= asks for."""
    numbers = tuple(int(size) for size in text.split(","))
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("write numbers of at least 1, with commas between them")
    return numbers
