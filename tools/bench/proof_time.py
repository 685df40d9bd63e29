"""Measures the proof of the operations root's plan for 100 to 3,000 tenants, without planning it."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench.plan_time import RUNS, ours, section, variables
from tools.cli.console import progress
from tools.command_error import CommandError
from tools.isolation import claims
from tools.isolation.certificate import Report
from tools.isolation.plan_reader import read
from tools.isolation.prover import prove as proved

if TYPE_CHECKING:
    import argparse

    from tools.bench.figures import Section
    from tools.bench.plan_time import Root

GOAL_SECONDS = 15.0  # on two idle cores

# What the root's own providers refer to. The proof refuses those that plan without an account.
_PROVIDER = {
    "allowed_account_ids": {"references": ["var.operations.account_id", "var.operations"]},
    "default_tags": [{"tags": {"references": ["var.environment", "var.tags"]}}],
    "region": {"references": ["var.operations.region", "var.operations"]},
}
_PROVIDERS = {
    "aws": _PROVIDER,
    "aws.iam_events": {
        **_PROVIDER,
        "region": {"references": ["local.iam_events_region"]},
        "sts_region": _PROVIDER["region"],
    },
}


def prove(options: argparse.Namespace) -> Section:
    """Prove a plan of every size."""
    samples = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = ours(Path(folder, "ours"))
        for size in options.sizes:
            progress(f"planning {size:,} tenants")
            plans = planned(root, size)
            samples[size] = {"ours": [_seconds(plans) for _ in range(options.runs or RUNS)]}
    return section(samples, GOAL_SECONDS)


def planned(root: Root, tenants: int) -> list[str]:
    """Return the JSON of each shard's plan for this number of tenants, with the root's own provider."""
    data = variables_with_profiles(tenants)
    plans = [root.plan_json(data, shard) for shard in range(data["operations"]["shards"])]
    for plan in plans:
        set_own_providers(plan)
    return [json.dumps(plan) for plan in plans]


def set_own_providers(plan: dict[str, Any]) -> None:
    """Let a plan of the operations root say that the root's own providers made it."""
    for name, expressions in _PROVIDERS.items():
        plan["configuration"]["provider_config"][name]["expressions"] = expressions


def variables_with_profiles(tenants: int) -> dict[str, Any]:
    """Return ``variables`` with a tracked model for each tenant.

    The permissions on a tracked model name the tenant, so no two tenants have equal policies.
    """
    data = variables(tenants)
    data["limits"]["inference_profiles"] = max(1000, tenants)
    for tenant in data["tenants"].values():
        tenant["models"]["nova"] |= {"regions": ["eu-central-1"], "track": True}
    return data


def _seconds(plans: list[str]) -> float:
    """Return the seconds from the plans' JSON to their certificate.

    Raises:
        CommandError: A plan is not proved.
    """
    started = time.perf_counter()
    proofs = tuple(proved(claims.claims_for(read(json.loads(plan)))) for plan in plans)
    report = Report("bench", "the plans of all shards", proofs, (), 0.0, datetime.now(UTC))
    report.certificate()
    if not report.holds:
        raise CommandError("\n".join(report.problems()[:3]))
    return time.perf_counter() - started
