"""Counts the records of thousands of calls during faults.

Two functions run in the same zip on a local AWS, under Lambda's own runtime client: ours, and the usual
logging handler (watchtower). The faults are drawn from a seed. Bedrock's own invocation log, which the
local AWS writes for each answer, shows which calls were paid. The programs of record_soak.py follow,
which make as many calls outside Lambda.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import watchtower

from tools.bench.figures import Figure, Goal, Section
from tools.bench.local_tenant import (
    FUNCTION,
    RECORDS,
    Function,
    LocalTenant,
    create,
    deploy,
)
from tools.bench.record_soak import LEDGER, UNFINISHED, explained_calls, log_invocations, soak
from tools.cli.console import progress
from tools.command_error import CommandError
from tools.localaws.background import temporary_local_aws
from tools.localaws.faults import FOREVER, Fault
from tools.paths import ROOT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from tools.records.reader import RecordReader

HANDLER = ROOT / "tools" / "bench" / "record_handlers" / "usual.py"
SEED = 20261123
USUAL_SHARE = 20  # the usual handler gets every 20th call, because its retries take long

OUTCOMES = ("calls", "paid", "delivered", "spilled", "incomplete", "named gaps", "lost")

# Faults per 1,000 calls.
WEIGHTS = {
    "none": 900,
    "throttled": 25,
    "failing": 25,
    "rejecting": 15,
    "cut off": 15,
    "silent": 1,
    "Bedrock": 8,
    "lost": 6,
    "killed": 5,
}
STEPS = (
    "before bedrock-runtime:Converse",
    "after bedrock-runtime:Converse",
    "before logs:PutLogEvents",
    "after logs:PutLogEvents",
    "response",
)


@dataclass(frozen=True)
class CallFault:
    """What happens during one call: a fault of an AWS service, a killed function, or nothing."""

    kind: str
    fault: Fault | None = None
    kill: str | None = None


def record(options: argparse.Namespace) -> Section:
    """Make the calls and count their records."""
    with temporary_local_aws() as control_url:
        tenant = create(control_url)
        log_invocations(tenant)
        source = Path(watchtower.__file__).read_bytes()
        files = {"usual.py": HANDLER.read_bytes(), "watchtower/__init__.py": source}
        functions = {
            "ours": deploy(tenant, FUNCTION, "tenant_bedrock.handler.handler", {}),
            "usual": deploy(tenant, "usual", "usual.handler", files),
        }
        requests = _call_during_faults(tenant, functions, options.calls)
        paid = _paid_calls(tenant)
        counts = {
            "ours": _count(requests["ours"], paid["ours"], functions["ours"].reader()),
            "usual": _count_usual(requests["usual"], paid["usual"], _usual_records(tenant)),
        }
    tallies, goals = soak(options.calls)
    figures = [
        Figure(
            outcome,
            "calls",
            {name: [count[outcome]] for name, count in counts.items() if outcome in count},
        )
        for outcome in OUTCOMES
    ]
    lost = counts["ours"]["lost"]
    goal = Goal("Lambda: paid calls without a record or a named gap", lost, 0, "calls")
    return Section(figures, [goal, *goals], tallies)


def _call_during_faults(
    tenant: LocalTenant, functions: Mapping[str, Function], calls: int
) -> dict[str, dict[str, str]]:
    """Return Lambda's request id of each call, by function and by prompt, which is unique."""
    chance = random.Random(SEED)  # noqa: S311 - a script of faults, not a secret
    requests: dict[str, dict[str, str]] = {name: {} for name in functions}
    for function in functions.values():
        function.configure()
    for number in range(calls):
        call_fault = _draw(chance)
        for name in ["ours", "usual"] if number % USUAL_SHARE == 0 else ["ours"]:
            if call_fault.fault is not None:
                tenant.control.fault(call_fault.fault)
            if call_fault.kill is not None:
                functions[name].kill(call_fault.kill)
            prompt = f"call {number:06} of {name}"
            requests[name][prompt] = functions[name].send({"prompt": prompt})[0]
            if call_fault.kind != "none":
                tenant.control.clear_faults()
                tenant.control.post("lambda_spare", {})
        if (number + 1) % 1000 == 0:
            progress(f"{number + 1:,} of {calls:,} calls")
    return requests


def _draw(chance: random.Random) -> CallFault:
    """Draw the fault of one call; nine calls in ten have none."""
    kind = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    times = chance.randint(1, 8)
    step = chance.choice(STEPS)
    puts = ("logs", "PutLogEvents")
    faults = {
        "throttled": Fault(*puts, code="ThrottlingException", times=times),
        "failing": Fault(*puts, code="ServiceUnavailableException", status=503, times=times),
        "rejecting": Fault(*puts, rejected={"tooNewLogEventStartIndex": 0}, times=times),
        "cut off": Fault(*puts, drop=chance.choice(["before", "after"]), times=times),
        "silent": Fault(*puts, delay_seconds=3, times=FOREVER),
        "Bedrock": Fault(
            "bedrock-runtime", code="InternalServerException", status=500, times=times
        ),
        "lost": Fault("bedrock-runtime", drop="after", times=times),
    }
    return CallFault(kind, faults.get(kind), step if kind == "killed" else None)


def _count(requests: Mapping[str, str], paid: Counter[str], reader: RecordReader) -> Counter[str]:
    """Count the outcomes of our own function's calls; raises CommandError if a record is damaged."""
    if reader.damage():
        raise CommandError("\n".join(reader.damage()))
    entries = defaultdict(list)
    for entry in reader.entries():
        entries[entry.record["tenantBedrock"].get("invocationId")].append(entry)
    count = Counter({**dict.fromkeys(OUTCOMES, 0), "calls": len(requests), "paid": paid.total()})
    for prompt, request_id in requests.items():
        count.update(UNFINISHED.get(entry.phase, entry.place) for entry in entries[request_id])
        explained = sum(explained_calls(entry) for entry in entries[request_id])
        count["lost"] += max(0, paid[prompt] - explained)
    return count


def _count_usual(
    requests: Mapping[str, str], paid: Counter[str], records: Counter[str]
) -> Counter[str]:
    """Count the outcomes of the other function's calls, whose records have only a prompt."""
    return Counter(
        calls=len(requests),
        paid=paid.total(),
        delivered=(paid & records).total(),
        lost=(paid - records).total(),
    )


def _paid_calls(tenant: LocalTenant) -> dict[str, Counter[str]]:
    """Return how many times Bedrock answered each prompt, by function."""
    paid: dict[str, Counter[str]] = defaultdict(Counter)
    for message in tenant.messages(LEDGER, tenant.operations):
        request = json.loads(message)["input"]["inputBodyJson"]
        prompt = request["messages"][0]["content"][0]["text"]
        paid[prompt.rpartition(" ")[2]][prompt] += 1
    return paid


def _usual_records(tenant: LocalTenant) -> Counter[str]:
    lines = (json.loads(message) for message in tenant.messages(RECORDS))
    return Counter(line["prompt"] for line in lines if "prompt" in line)
