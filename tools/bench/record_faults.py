"""Counts the records of thousands of calls during faults, and measures what a record costs.

Three functions run in the same zip on a local AWS, under Lambda's own runtime client: ours, the usual
logging handler (watchtower), and one without records. The faults are drawn from a seed. Bedrock's own
invocation log, which the local AWS writes for each answer, shows which calls were paid.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import watchtower
from botocore.config import Config

from tools.bench import RESULTS, machine
from tools.bench.local_tenant import (
    FUNCTION,
    RECORDS,
    Function,
    LocalTenant,
    create,
    deploy,
    policy,
)
from tools.cli.console import out, progress, table
from tools.command_error import CommandError
from tools.localaws.background import temporary_local_aws
from tools.localaws.faults import FOREVER, Fault
from tools.paths import ROOT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tools.records.reader import RecordReader

RESULT = RESULTS / "record.json"
HANDLERS = ROOT / "tools" / "bench" / "record_handlers"
LEDGER = "/bench/paid"  # the log group of Bedrock's invocation log, in the operations account
SEED = 20261123
USUAL_SHARE = 20  # the usual handler gets every 20th call, because its retries take long
LATENCY_CALLS = 200

STEPS = (
    "before bedrock-runtime:Converse",
    "after bedrock-runtime:Converse",
    "before logs:PutLogEvents",
    "after logs:PutLogEvents",
    "response",
)


@dataclass(frozen=True)
class Trouble:
    """What happens during one call: a fault of an AWS service, a killed function, or nothing."""

    kind: str
    fault: Fault | None = None
    kill: str | None = None


@dataclass
class Tally:
    """The outcomes of one function's calls."""

    name: str
    calls: int = 0
    paid: int = 0
    answered: int = 0
    delivered: int = 0
    spilled: int = 0
    incomplete: int = 0
    named_gaps: int = 0
    lost: int = 0


def record(options: argparse.Namespace) -> bool:
    """Run the calls, print and write the figures; return whether a paid call of ours has no record."""
    with temporary_local_aws() as url:
        tenant = create(url)
        _log_invocations(tenant)
        functions = {
            "ours": _function(tenant, FUNCTION, "tenant_bedrock.handler.handler"),
            "usual": _function(tenant, "usual", "usual.handler"),
            "raw": _function(tenant, "raw", "no_record.handler"),
        }
        latencies = _latencies(functions)
        invocations = _call_during_faults(functions, options.calls)
        tallies = _tally(tenant, functions["ours"].reader(), invocations)
    _show(tallies, latencies)
    content = {
        "seed": SEED,
        "machine": machine.describe(),
        "troubles": Counter(call.trouble.kind for call in invocations if call.name == "ours"),
        "tallies": [asdict(tally) for tally in tallies],
        "latency_ms": latencies,
    }
    RESULT.write_text(json.dumps(content, indent=2) + "\n")
    out.print("\nWritten to build/bench/record.json.")
    return any(tally.lost for tally in tallies if tally.name == "ours")


def _log_invocations(tenant: LocalTenant) -> None:
    """Have Bedrock log every call that it answers, which a real operations account must not do."""
    tenant.client("logs", tenant.operations).create_log_group(logGroupName=LEDGER)
    iam = tenant.client("iam", tenant.operations)
    trust = {"Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}
    write = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    role = iam.create_role(RoleName="ledger", AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(RoleName="ledger", PolicyName="write", PolicyDocument=policy(write))
    tenant.client("bedrock", tenant.operations).put_model_invocation_logging_configuration(
        loggingConfig={
            "cloudWatchConfig": {"logGroupName": LEDGER, "roleArn": role["Role"]["Arn"]},
            "textDataDeliveryEnabled": True,
        }
    )


def _function(tenant: LocalTenant, name: str, handler: str) -> Function:
    source = Path(watchtower.__file__)
    files = {f"{path.stem}.py": path.read_bytes() for path in HANDLERS.glob("*.py")}
    function = deploy(
        tenant, name, handler, {**files, "watchtower/__init__.py": source.read_bytes()}
    )
    function.configure()
    return function


@dataclass(frozen=True)
class Invocation:
    """One call of one function; ``id`` is Lambda's request id, and ``prompt`` is unique to the call."""

    name: str
    id: str
    prompt: str
    answered: bool
    trouble: Trouble


class _Caller:
    """Invokes functions with one client, because creating a client takes longer than a call."""

    def __init__(self, tenant: LocalTenant) -> None:
        session: Any = tenant.customer
        self._client = session.client(
            "lambda",
            endpoint_url=tenant.url,
            config=Config(read_timeout=120, retries={"total_max_attempts": 1}),
        )

    def invoke(self, function: Function, name: str, prompt: str, trouble: Trouble) -> Invocation:
        answer = self._client.invoke(
            FunctionName=function.name, Payload=json.dumps({"prompt": prompt}).encode()
        )
        request_id = answer["ResponseMetadata"]["RequestId"]
        answered = "answer" in json.loads(answer["Payload"].read())
        return Invocation(name, request_id, prompt, answered, trouble)


def _latencies(functions: dict[str, Function]) -> dict[str, dict[str, float]]:
    """Return quantiles of the milliseconds that a caller waits for a warm call, by function.

    The functions take turns, so that other load on the machine affects all of them.
    """
    caller = _Caller(functions["ours"].tenant)
    calm = Trouble("none")
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(LATENCY_CALLS + 10):
        for name, function in functions.items():
            started = time.perf_counter()
            caller.invoke(function, name, f"latency of {name} {number}", calm)
            samples[name].append((time.perf_counter() - started) * 1000)
    return {name: _quantiles(values[10:]) for name, values in samples.items()}


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)}


def _call_during_faults(functions: dict[str, Function], calls: int) -> list[Invocation]:
    tenant = functions["ours"].tenant
    caller = _Caller(tenant)
    chance = random.Random(SEED)  # noqa: S311 - a script of faults, not a secret
    invocations = []
    for number in range(calls):
        trouble = _draw(chance)
        names = ["ours", "usual"] if number % USUAL_SHARE == 0 else ["ours"]
        for name in names:
            function = functions[name]
            if trouble.fault is not None:
                tenant.control.fault(trouble.fault)
            if trouble.kill is not None:
                function.kill(trouble.kill)
            prompt = f"call {number:06} of {name}"
            invocations.append(caller.invoke(function, name, prompt, trouble))
            if trouble.kind != "none":
                tenant.control.clear_faults()
                tenant.control.post("lambda_spare", {})
        if (number + 1) % 1000 == 0:
            progress(f"{number + 1:,} of {calls:,} calls")
    return invocations


def _draw(chance: random.Random) -> Trouble:
    """Draw the trouble of one call; nine calls in ten have none."""
    kind = chance.choices(
        [
            "none",
            "throttled",
            "failing",
            "rejecting",
            "cut off",
            "silent",
            "Bedrock",
            "lost",
            "killed",
        ],
        [900, 25, 25, 15, 15, 1, 8, 6, 5],
    )[0]
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
    return Trouble(kind, faults.get(kind), step if kind == "killed" else None)


def _tally(
    tenant: LocalTenant, reader: RecordReader, invocations: Sequence[Invocation]
) -> list[Tally]:
    answers = _answers(tenant)
    usual_records = _usual_records(tenant)
    tallies = {name: Tally(name) for name in ("ours", "usual")}
    entries: dict[str, list[Any]] = {}
    for entry in reader.entries():
        entries.setdefault(entry.record["tenantBedrock"].get("invocationId"), []).append(entry)
    for call in invocations:
        tally = tallies[call.name]
        tally.calls += 1
        tally.answered += call.answered
        tally.paid += answers[call.prompt]
        if call.name == "usual":
            tally.delivered += min(answers[call.prompt], usual_records[call.prompt])
            tally.lost += max(0, answers[call.prompt] - usual_records[call.prompt])
            continue
        explained_calls = 0
        for entry in entries.get(call.id, ()):
            explained_calls += _paid_calls(entry)
            if entry.phase in {"start", "incomplete"}:
                tally.named_gaps += entry.phase == "start"
                tally.incomplete += entry.phase == "incomplete"
            else:
                tally.delivered += entry.place == "delivered"
                tally.spilled += entry.place == "spilled"
        tally.lost += max(0, answers[call.prompt] - explained_calls)
    if reader.damage():
        raise CommandError("\n".join(reader.damage()))
    return list(tallies.values())


def _paid_calls(entry: Any) -> int:  # noqa: ANN401 - tools.records.reader.Entry
    """Return how many paid calls an entry explains: its attempts that were or may have been answered."""
    attempts = entry.record["tenantBedrock"].get("attempts", [])
    answered = sum(attempt.get("status") in (200, None) for attempt in attempts)
    return answered or int(entry.phase in {"start", "incomplete"})


def _answers(tenant: LocalTenant) -> Counter[str]:
    """Return how many times Bedrock answered each prompt."""
    client = tenant.client("logs", tenant.operations)
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=LEDGER)
    events = (json.loads(event["message"]) for page in pages for event in page["events"])
    return Counter(
        event["input"]["inputBodyJson"]["messages"][0]["content"][0]["text"] for event in events
    )


def _usual_records(tenant: LocalTenant) -> Counter[str]:
    lines = (json.loads(message) for message in tenant.messages(RECORDS))
    return Counter(line["prompt"] for line in lines if "prompt" in line)


def _show(tallies: Sequence[Tally], latencies: dict[str, dict[str, float]]) -> None:
    rows = table(
        "", "calls", "paid", "answered", "delivered", "spilled", "incomplete", "named gaps", "lost"
    )
    labels = {"ours": "ours", "usual": "usual (watchtower)"}
    for tally in tallies:
        _, *counts = asdict(tally).values()
        *others, lost = (f"{count:,}" for count in counts)
        colour = "red" if tally.lost else "green"
        rows.add_row(labels[tally.name], *others, f"[{colour}]{lost}[/{colour}]")
    out.print("[bold]Records while one call in ten meets a fault[/bold], seed", SEED, "\n")
    out.print(rows)
    raw = latencies["raw"]
    out.print(
        "\n[bold]A warm call without faults[/bold], milliseconds added to a call without record\n"
    )
    added = table("", "p50", "p99")
    for name in ("ours", "usual"):
        added.add_row(
            labels[name], *(f"{latencies[name][q] - raw[q]:+.1f}" for q in ("p50", "p99"))
        )
    out.print(added)
