"""Measures `terraform plan` of the operations root for 100 to 3,000 tenants, with a shard for every 200.

As many shards are planned at a time as the machine has cores. The same roles
written the usual way (``usual_terraform``) are planned for comparison.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench.figures import Figure, Goal, Section
from tools.cli.console import progress
from tools.command_error import CommandError
from tools.paths import ROOT
from tools.terraform.offline_plan import OVERRIDE, OVERRIDE_FILE, copy_operations_root
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL = ROOT / "tools" / "bench" / "usual_terraform"

SIZES = (100, 300, 1000, 3000)
TENANTS_IN_A_SHARD = 200  # on average
RUNS = 3  # plans of each, for the median
REFERENCE_UP_TO = 1000  # for 3,000 tenants one plan of the usual way takes most of an hour
GOAL_TENANTS, GOAL_SECONDS = 1000, 25.0
GOAL_GROWTH = 1.3  # time per tenant at 3,000 over time per tenant at 300
GROWTH_FROM, GROWTH_TO = 300, 3000

UNWANTED = shutil.ignore_patterns(".terraform*")
DATA = "bench.tfvars.json"
PLAN = ("-input=false", "-lock=false", f"-var-file={DATA}")


def plan(options: argparse.Namespace) -> Section:
    """Plan both variants for every size."""
    runs = options.runs or RUNS
    samples: dict[int, dict[str, list[float]]] = {size: {} for size in options.sizes}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        roots = {"ours": ours(Path(folder, "ours")), "usual": usual(Path(folder, "usual"))}
        # They take turns, so that other load on the machine affects all of them.
        for turn in range(1, runs + 1):
            for size, seconds in samples.items():
                for name, root in roots.items():
                    if name == "usual" and size > options.reference:
                        continue
                    plan_seconds = root.plan(size)
                    progress(f"{turn} of {runs}: {name}, {size:,} tenants: {plan_seconds:.1f} s")
                    seconds.setdefault(name, []).append(plan_seconds)
    return section(samples, GOAL_SECONDS)


def section(samples: Mapping[int, Mapping[str, list[float]]], most_seconds: float) -> Section:
    """Return the figures of these seconds, by tenants and variant, and the goals that the sizes show."""
    figures = {size: Figure(f"{size:,} tenants", "s", samples[size]) for size in samples}
    medians = {size: figure.median("ours") for size, figure in figures.items()}
    goals = []
    if seconds := medians.get(GOAL_TENANTS):
        goals.append(Goal(f"the time for {GOAL_TENANTS:,} tenants", seconds, most_seconds, "s"))
    if {GROWTH_FROM, GROWTH_TO} <= medians.keys():
        growth = medians[GROWTH_TO] / GROWTH_TO / (medians[GROWTH_FROM] / GROWTH_FROM)
        name = f"the time per tenant among {GROWTH_TO:,}, compared with {GROWTH_FROM}"
        goals.append(Goal(name, growth, GOAL_GROWTH, "times"))
    return Section(list(figures.values()), goals)


class Root:
    """A Terraform root that can be planned without an account and without a state."""

    def __init__(self, path: Path, *, has_shards: bool) -> None:
        self._path, self._has_shards = path, has_shards
        self._run("init")

    def plan(self, tenants: int) -> float:
        """Return the seconds that the plans of all shards take for this number of new tenants.

        Raises:
            CommandError: A plan fails or lacks a role.
        """
        data = variables(tenants)
        (self._path / DATA).write_text(json.dumps(data))
        shards = range(data["operations"]["shards"]) if self._has_shards else [None]
        started = time.perf_counter()
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            outputs = list(pool.map(self._plan_shard, shards))
        seconds = time.perf_counter() - started
        additions = [re.search(r"Plan: (\d+) to add, 0 to change", output) for output in outputs]
        if sum(int(match[1]) for match in additions if match) < tenants:
            raise CommandError(f"{self._path.name} does not plan a role for each tenant.")
        return seconds

    def _plan_shard(self, shard: int | None) -> str:
        return self._run("plan", *PLAN, *_shard_option(shard))

    def plan_json(self, data: dict[str, Any], shard: int | None = None) -> dict[str, Any]:
        """Return the plan of a shard, by default the first one, as `terraform show -json` prints it."""
        (self._path / DATA).write_text(json.dumps(data))
        self._run("plan", *PLAN, *_shard_option(shard), "-out=plan")
        plan: dict[str, Any] = json.loads(self._run("show", "-json", "plan"))
        return plan

    def _run(self, *arguments: str) -> str:
        inherited = {name: os.environ[name] for name in os.environ if not name.startswith("AWS_")}
        aws = {"AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"}
        return ensure_toolchain(progress).run(self._path, *arguments, environment=inherited | aws)


def _shard_option(shard: int | None) -> list[str]:
    return [] if shard is None else [f"-var=shard={shard}"]


def ours(folder: Path) -> Root:
    """Copy the operations root and what it reads to ``folder``."""
    return Root(copy_operations_root(folder), has_shards=True)


def usual(folder: Path) -> Root:
    """Copy the same roles written the usual way to ``folder``."""
    root = Path(shutil.copytree(USUAL, folder, ignore=UNWANTED))
    (root / OVERRIDE_FILE).write_text(OVERRIDE)
    return Root(root, has_shards=False)


def variables(tenants: int) -> dict[str, Any]:
    """Return an environment of this many tenants, as the variables of the operations root.

    Each tenant has one or two accounts, a model on demand and a model with a geographic profile.
    """
    return {
        "environment": "bench",
        "operations": {
            "account_id": "111111111111",
            "region": "eu-central-1",
            "shards": math.ceil(tenants / TENANTS_IN_A_SHARD),
        },
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
                        "model": "anthropic.claude-haiku-4-5-20251001-v1:0",
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


def sizes(text: str) -> tuple[int, ...]:
    """Parse SIZES=, numbers of tenants with commas between them."""
    numbers = tuple(int(size) for size in text.split(","))
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("write numbers of at least 1, with commas between them")
    return numbers
