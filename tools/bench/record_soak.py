"""Counts the records of programs that make thousands of calls in ways that can cost a record or hang.

Each scenario runs its program many times as processes of their own, under this Python and under
Lambda's, while CloudWatch Logs fails in several ways. Everything is drawn from one seed. Bedrock's own
invocation log, which the local AWS writes for each answer, shows which calls were paid; a call is found
again by the SHA-256 of its request, because a start mark has no content.
"""

from __future__ import annotations

import hashlib
import json
import random
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench import RESULTS, local_tenant
from tools.bench.figures import Goal, Tally
from tools.bench.local_tenant import RECORDS, create, policy
from tools.bench.program_runs import SECONDS, SPOOL, Run, pythons, run_program
from tools.cli.console import progress
from tools.localaws.background import temporary_local_aws
from tools.localaws.faults import FOREVER, Fault
from tools.records.reader import RecordReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.bench.local_tenant import LocalTenant
    from tools.bench.program_runs import Ending, Python
    from tools.records.reader import Entry

SEED = 20261126
LEDGER = "/bench/paid"  # the log group of Bedrock's invocation log, in the operations account
LEDGER_BUCKET = "bench-paid"  # for requests that are too large for an event of a log group
MEGABYTES_4 = 4_000_000

OUTCOMES = (
    "runs",
    "paid",
    "delivered",
    "spilled",
    "incomplete",
    "named gaps",
    "lost",
    "damaged",
    "hung",
    "failed",
)
UNFINISHED = {"start": "named gaps", "incomplete": "incomplete"}  # outcomes by phase
PUTS = ("logs", "PutLogEvents")
UNTIL_KILLED = -signal.SIGTERM


@dataclass(frozen=True)
class Scenario:
    """``share`` of all calls in runs of about ``calls`` each; a run must end with ``code``.

    ``size`` is the bytes of a prompt, and a run that takes longer than ``seconds`` hangs. ``faults``
    are those of CloudWatch Logs. ``marks`` says whether a call may have only a start mark, because its
    process ends without a chance to write more.
    """

    name: str
    program: str
    share: float
    calls: int
    code: int = 0
    size: int = 0
    seconds: int = SECONDS
    marks: bool = False
    environments: tuple[Mapping[str, str], ...] = ({},)
    faults: tuple[str, ...] = ("none", "throttled", "failing", "rejecting", "cut off", "silent")


SCENARIOS = (
    Scenario("garbage collector", "garbage_collector", 0.22, 240),
    Scenario("abandoned streams", "abandoned_streams", 0.15, 150),
    Scenario("all call forms", "call_forms", 0.29, 240),
    Scenario("all call forms, 4 MB", "call_forms", 0.0048, 24, size=MEGABYTES_4),
    # In 10,000 calls this is one ``generate`` of 1,500 and one ``abatch`` of 12,000.
    Scenario("large batches", "large_batches", 2.7, 13_500, seconds=900, faults=("none",)),
    Scenario("fork", "forked_children", 0.12, 120, marks=True),
    Scenario("SIGTERM", "terminated", 0.1, 30, code=UNTIL_KILLED),
    Scenario("SIGTERM, 4 MB", "terminated", 0.01, 20, code=UNTIL_KILLED, size=MEGABYTES_4),
    Scenario(
        "hostile logging",
        "hostile_logging",
        0.11,
        132,
        faults=("none", "refusing"),  # then only stdout is left
        environments=tuple(
            {"AWS_LAMBDA_FUNCTION_NAME": local_tenant.FUNCTION, **variables}  # so there is no spool
            for variables in (
                {},
                {"PYTHONIOENCODING": "ascii"},
                {"PYTHONIOENCODING": "latin-1"},
                {"LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
            )
        ),
    ),
)


def soak(calls: int) -> tuple[list[Tally], list[Goal]]:
    """Make about ``calls`` calls, half of them under each Python, and return what became of them."""
    tallies = []
    gaps = 0  # of programs that had the time to write more
    versions = pythons(progress)
    progress(f"The seed of the programs is {SEED}")
    for python in versions:
        for scenario in SCENARIOS:
            count = measure(python, scenario, round(calls * scenario.share / len(versions)))
            gaps += 0 if scenario.marks else count["named gaps"]
            name = f"{scenario.name}, Python {python.release}"
            progress(f"{name}: {', '.join(f'{count[key]:,} {key}' for key in OUTCOMES)}")
            tallies.append(Tally(name, {outcome: count[outcome] for outcome in OUTCOMES}))
    goals = [
        Goal(f"programs: {wording}", sum(tally.counts[outcome] for tally in tallies), 0, unit)
        for outcome, wording, unit in (
            ("lost", "paid calls without a record or a named gap", "calls"),
            ("damaged", "sentences about damaged records", "sentences"),
            ("hung", "runs that hang", "runs"),
            ("failed", "runs that end otherwise than they should", "runs"),
        )
    ]
    wording = "programs: calls with a start mark alone, although nothing prevented a record"
    return tallies, [*goals, Goal(wording, gaps, 0, "calls")]


def measure(
    python: Python, scenario: Scenario, calls: int, seed: int = SEED, seconds: int | None = None
) -> Counter[str]:
    """Run one scenario on a local AWS of its own until about ``calls`` calls are made.

    A run that takes longer than ``seconds`` hangs.
    """
    chance = random.Random(f"{seed} {scenario.name}")  # noqa: S311 - a script of faults, not a secret
    runs = max(1, round(calls / scenario.calls))
    count: Counter[str] = Counter(runs=runs)
    with (
        temporary_local_aws() as control_url,
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
    ):
        tenant = create(control_url)
        log_invocations(tenant, in_bucket=scenario.size > 0)
        reader = RecordReader()
        for number in range(runs):
            tenant.control.clear_faults()
            for fault in draw_faults(chance, scenario):
                tenant.control.fault(fault)
            run = Run(
                scenario.program,
                name=f"{scenario.name} {number}",
                seed=f"{seed} {scenario.name} {number}",
                calls=min(scenario.calls, max(calls, 12)),
                size=scenario.size,
                environment=chance.choice(scenario.environments),
            )
            ending = run_program(tenant, python, run, Path(folder), seconds or scenario.seconds)
            count.update(_judge(ending, scenario, python, number))
            for line in ending.stdout.splitlines():
                reader.add_message(line, "spilled")
            add_spool(reader, Path(folder))
        tenant.control.clear_faults()
        for message in tenant.messages(RECORDS):
            reader.add_message(message, "delivered")
        count.update(count_outcomes(reader, paid_requests(tenant)))
    return count


def draw_faults(chance: random.Random, scenario: Scenario) -> list[Fault]:
    """Draw what CloudWatch Logs does during one run, and slow Bedrock's streams down in some."""
    times = chance.randint(1, max(1, scenario.calls // 4))
    kinds = {
        "none": [],
        "throttled": [Fault(*PUTS, code="ThrottlingException", times=times)],
        "failing": [Fault(*PUTS, code="ServiceUnavailableException", status=503, times=FOREVER)],
        "rejecting": [Fault(*PUTS, rejected={"tooNewLogEventStartIndex": 0}, times=times)],
        # Unlike the others it is not tried again, which would take long.
        "refusing": [Fault(*PUTS, code="InvalidParameterException", times=FOREVER)],
        "cut off": [Fault(*PUTS, drop=chance.choice(["before", "after"]), times=times)],
        # botocore gives a put up after 2 s and tries again, so one silent put takes long.
        "silent": [Fault(*PUTS, delay_seconds=3, times=chance.randint(1, 4))],
    }
    faults = kinds[chance.choice(scenario.faults)]
    seconds = chance.choice([0.0, 0.02, 0.1])
    return [*faults, Fault("bedrock-runtime", delay_seconds=seconds, times=FOREVER)]


def log_invocations(tenant: LocalTenant, *, in_bucket: bool = False) -> None:
    """Have Bedrock log every call that it answers, which a real operations account must not do."""
    iam = tenant.client("iam", tenant.operations)
    trust = {"Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}
    write = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    role = iam.create_role(RoleName="ledger", AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(RoleName="ledger", PolicyName="write", PolicyDocument=policy(write))
    tenant.client("logs", tenant.operations).create_log_group(logGroupName=LEDGER)
    tenant.client("s3", tenant.operations).create_bucket(
        Bucket=LEDGER_BUCKET,
        CreateBucketConfiguration={"LocationConstraint": local_tenant.REGION},
    )
    destination: dict[str, Any] = (
        {"s3Config": {"bucketName": LEDGER_BUCKET}}
        if in_bucket
        else {"cloudWatchConfig": {"logGroupName": LEDGER, "roleArn": role["Role"]["Arn"]}}
    )
    tenant.client("bedrock", tenant.operations).put_model_invocation_logging_configuration(
        loggingConfig={**destination, "textDataDeliveryEnabled": True}
    )


def paid_requests(tenant: LocalTenant) -> Counter[str]:
    """Return how many times Bedrock answered each request, by the SHA-256 of its body."""
    paid: Counter[str] = Counter()
    s3 = tenant.client("s3", tenant.operations)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=LEDGER_BUCKET)
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    for key in keys:
        invocation = json.load(s3.get_object(Bucket=LEDGER_BUCKET, Key=key)["Body"])
        paid[_sha256(invocation["input"]["inputBodyJson"])] += 1
    for message in tenant.messages(LEDGER, tenant.operations):
        paid[_sha256(json.loads(message)["input"]["inputBodyJson"])] += 1
    return paid


def add_spool(reader: RecordReader, folder: Path) -> None:
    """Add the records that a program has left in its spool; a file's first line is for the spool."""
    for path in folder.glob(f"{SPOOL}/*/*/[!.]*"):
        reader.add_message(path.read_text().partition("\n")[2], "spilled")


def count_outcomes(reader: RecordReader, paid: Counter[str]) -> Counter[str]:
    """Count what became of the calls, and the paid calls that no entry explains."""
    explained: Counter[str] = Counter()
    count: Counter[str] = Counter(paid=paid.total(), damaged=len(reader.damage()))
    for entry in reader.entries():
        count[UNFINISHED.get(entry.phase, entry.place)] += 1
        explained[_request_of(entry)] += explained_calls(entry)
    count["lost"] = (paid - explained).total()
    return count


def explained_calls(entry: Entry) -> int:
    """Return how many paid calls an entry explains: its attempts that were or may have been answered."""
    attempts = entry.record["tenantBedrock"].get("attempts", [])
    answered = sum(attempt.get("status") in (200, None) for attempt in attempts)
    return answered or int(entry.phase in UNFINISHED)


def _request_of(entry: Entry) -> str:
    """Return the SHA-256 of the request, which a record without content states itself."""
    stated = entry.record["tenantBedrock"].get("request", {}).get("sha256")
    return stated or _sha256(entry.record.get("input", {}).get("inputBodyJson"))


def _sha256(body: object) -> str:
    """Return the hash of a request as botocore serializes it."""
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def _judge(ending: Ending, scenario: Scenario, python: Python, number: int) -> dict[str, int]:
    """Count a run that hangs or ends otherwise than it should, and keep what it printed."""
    failed = not ending.hung and ending.code != scenario.code
    if ending.hung or failed:
        name = f"{scenario.name} {number} py{python.release}".replace(" ", "-").replace(",", "")
        file = RESULTS / f"{name}.stderr"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ending.stderr)
        progress(f"Run {number} of {scenario.name} ended with {ending.code}: see {file.name}")
    return {"hung": int(ending.hung), "failed": int(failed)}
