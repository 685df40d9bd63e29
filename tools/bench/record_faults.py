"""`make bench ONLY=record`: thousands of calls while things break, and what the records cost.

Three functions run the same zip on a local cloud, under Lambda's own runtime client: ours, the usual
logging handler (watchtower), and one without any record. Faults are drawn from a seed. Which calls
were paid is told by Bedrock's own invocation log, which the local cloud writes when it answers.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import watchtower
from botocore.config import Config

from tools.bench.acme import FUNCTION, RECORDS, Acme, Function, deploy, make
from tools.cli.console import out, progress, table
from tools.errors import CommandError
from tools.localaws.faults import FOREVER, Fault
from tools.paths import ROOT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from tools.records.reader import RecordReader

RESULT = ROOT / "build" / "bench" / "record.json"
FILES = ROOT / "tools" / "bench" / "record_handlers"
LEDGER = "/bench/paid"  # Bedrock's own log of what it answered, in the operations account
SEED = 20261123
USUAL_SHARE = 20  # every so many calls the usual handler is called too: it takes its faults slowly
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
    """What goes wrong during one call: a fault of the cloud, a death of the function, or nothing."""

    kind: str
    fault: Fault | None = None
    kill: str | None = None


@dataclass
class Tally:
    """What became of one function's calls."""

    name: str
    calls: int = 0
    paid: int = 0
    answered: int = 0
    delivered: int = 0
    spilled: int = 0
    incomplete: int = 0
    named_gaps: int = 0
    lost: int = 0


def record(chosen: argparse.Namespace) -> bool:
    """Run it, print and write the figures; True when a paid call is neither recorded nor named."""
    with _cloud() as url:
        tenant = make(url)
        _keep_a_ledger(tenant)
        functions = {
            "ours": _function(tenant, FUNCTION, "tenant_bedrock.handler.handler"),
            "usual": _function(tenant, "usual", "usual.handler"),
            "raw": _function(tenant, "raw", "raw.handler"),
        }
        latencies = _latencies(functions)
        invocations = _break_things(functions, chosen.calls)
        tallies = _tally(tenant, functions["ours"].book(), invocations)
    _show(tallies, latencies)
    content = {
        "seed": SEED,
        "cores": len(os.sched_getaffinity(0)),
        "load_after": os.getloadavg(),
        "troubles": Counter(one.trouble.kind for one in invocations if one.name == "ours"),
        "tallies": [asdict(tally) for tally in tallies],
        "latency_ms": latencies,
    }
    RESULT.write_text(json.dumps(content, indent=2) + "\n")
    out.print("\nWritten to build/bench/record.json.")
    return any(tally.lost for tally in tallies if tally.name == "ours")


@contextmanager
def _cloud() -> Iterator[str]:
    """A local cloud in a process of its own, so that it does not share ours."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = Path(folder) / "cloud.json"
        with subprocess.Popen(
            [sys.executable, "-m", "tools.localaws", "serve", "--state", state], cwd=ROOT
        ) as server:
            try:
                while not state.exists():
                    if server.poll() is not None:
                        raise CommandError("The local cloud does not start.")
                    time.sleep(0.05)
                yield json.loads(state.read_text())["url"]
            finally:
                server.terminate()


def _keep_a_ledger(tenant: Acme) -> None:
    """Have Bedrock log every call it answers, as an operations account of ours never would."""
    tenant.client("logs", tenant.operations).create_log_group(logGroupName=LEDGER)
    iam = tenant.client("iam", tenant.operations)
    trust = {"Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}
    write = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    made = iam.create_role(RoleName="ledger", AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName="ledger", PolicyName="write", PolicyDocument=_policy(write))
    tenant.client("bedrock", tenant.operations).put_model_invocation_logging_configuration(
        loggingConfig={
            "cloudWatchConfig": {"logGroupName": LEDGER, "roleArn": made["Role"]["Arn"]},
            "textDataDeliveryEnabled": True,
        }
    )


def _policy(statement: dict[str, Any]) -> str:
    statements = [{"Effect": "Allow", **statement}]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _function(tenant: Acme, name: str, handler: str) -> Function:
    source = Path(watchtower.__file__)
    files = {f"{path.stem}.py": path.read_bytes() for path in FILES.glob("*.py")}
    made = deploy(tenant, name, handler, {**files, "watchtower/__init__.py": source.read_bytes()})
    made.configure()
    return made


@dataclass(frozen=True)
class Invocation:
    """One call of one function; ``id`` is Lambda's request id, ``prompt`` no other call's."""

    name: str
    id: str
    prompt: str
    answered: bool
    trouble: Trouble


class _Caller:
    """Invokes functions with one client: making one takes longer than a call."""

    def __init__(self, tenant: Acme) -> None:
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
    """Milliseconds of a warm call as its caller sees it, in turns so that all see the same machine."""
    caller = _Caller(functions["ours"].tenant)
    calm = Trouble("none")
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(LATENCY_CALLS + 10):
        for name, function in functions.items():
            started = time.perf_counter()
            caller.invoke(function, name, f"latency of {name} {number}", calm)
            taken[name].append((time.perf_counter() - started) * 1000)
    return {name: _quantiles(values[10:]) for name, values in taken.items()}


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)}


def _break_things(functions: dict[str, Function], calls: int) -> list[Invocation]:
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
    """Nine calls in ten are left alone."""
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


def _tally(tenant: Acme, reader: RecordReader, invocations: Sequence[Invocation]) -> list[Tally]:
    paid = _paid(tenant)
    usual = _usual_records(tenant)
    tallies = {name: Tally(name) for name in ("ours", "usual")}
    entries: dict[str, list[Any]] = {}
    for entry in reader.entries():
        entries.setdefault(entry.record["tenantBedrock"].get("invocationId"), []).append(entry)
    for one in invocations:
        tally = tallies[one.name]
        tally.calls += 1
        tally.answered += one.answered
        tally.paid += paid[one.prompt]
        if one.name == "usual":
            tally.delivered += min(paid[one.prompt], usual[one.prompt])
            tally.lost += max(0, paid[one.prompt] - usual[one.prompt])
            continue
        told = 0
        for entry in entries.get(one.id, ()):
            told += _told(entry)
            if entry.phase in {"start", "incomplete"}:
                tally.named_gaps += entry.phase == "start"
                tally.incomplete += entry.phase == "incomplete"
            else:
                tally.delivered += entry.place == "delivered"
                tally.spilled += entry.place == "spilled"
        tally.lost += max(0, paid[one.prompt] - told)
    if reader.damage():
        raise CommandError("\n".join(reader.damage()))
    return list(tallies.values())


def _told(entry: Any) -> int:  # noqa: ANN401 - tools.records.reader.Entry
    """How many paid calls an entry can stand for: its attempts that were or may have been answered."""
    attempts = entry.record["tenantBedrock"].get("attempts", [])
    answered = sum(attempt.get("status") in (200, None) for attempt in attempts)
    return answered or int(entry.phase in {"start", "incomplete"})


def _paid(tenant: Acme) -> Counter[str]:
    """How many times Bedrock answered each prompt."""
    client = tenant.client("logs", tenant.operations)
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=LEDGER)
    events = (json.loads(event["message"]) for page in pages for event in page["events"])
    return Counter(
        event["input"]["inputBodyJson"]["messages"][0]["content"][0]["text"] for event in events
    )


def _usual_records(tenant: Acme) -> Counter[str]:
    lines = (json.loads(message) for message in tenant.messages(RECORDS))
    return Counter(line["prompt"] for line in lines if "prompt" in line)


def _show(tallies: Sequence[Tally], latencies: dict[str, dict[str, float]]) -> None:
    shown = table(
        "", "calls", "paid", "answered", "delivered", "spilled", "incomplete", "named gaps", "lost"
    )
    labels = {"ours": "ours", "usual": "usual (watchtower)"}
    for tally in tallies:
        _, *counts = asdict(tally).values()
        *others, lost = (f"{count:,}" for count in counts)
        colour = "red" if tally.lost else "green"
        shown.add_row(labels[tally.name], *others, f"[{colour}]{lost}[/{colour}]")
    out.print("[bold]Records while one call in ten goes wrong[/bold], seed", SEED, "\n")
    out.print(shown)
    raw = latencies["raw"]
    out.print(
        "\n[bold]A warm call on a quiet cloud[/bold], milliseconds added to one without record\n"
    )
    added = table("", "p50", "p99")
    for name in ("ours", "usual"):
        added.add_row(
            labels[name], *(f"{latencies[name][q] - raw[q]:+.1f}" for q in ("p50", "p99"))
        )
    out.print(added)
