"""Kills applies at random moments and fails their calls, and counts what it takes to complete them.

ONLY=kills   SIGINT, SIGTERM and SIGKILL at random moments of an apply of five tenants
ONLY=faults  a failing call in the first seconds of each account, each one another call, before and after its effect
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, Goal, Section, Tally
from tools.bench.fleet import (
    OPERATIONS,
    Fleet,
    Run,
    copied,
    fleet,
    kill_everything,
    python_of,
    terraform_of,
)
from tools.cli.console import progress
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    import argparse
    import subprocess
    from collections.abc import Callable, Iterator

TENANTS = 5
RUNS = 20
SEED = 20261126


def _group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    os.killpg(process.pid, number)


def _python(process: subprocess.Popen[str], number: signal.Signals) -> None:
    os.kill(python_of(process), number)


def _terraform(process: subprocess.Popen[str]) -> None:
    """Kill what a machine without memory kills; between two of them, wait for the next."""
    while process.poll() is None:
        if (terraform := terraform_of(process)) is not None:
            os.kill(terraform, signal.SIGKILL)
            return
        time.sleep(0.05)


# Ctrl-C reaches the terminal's whole process group, a CI job's signal one process, and SIGKILL what it is sent to.
KILLS: dict[str, Callable[[subprocess.Popen[str]], None]] = {
    "Ctrl-C": lambda process: _group(process, signal.SIGINT),
    "SIGINT to Python": lambda process: _python(process, signal.SIGINT),
    "SIGTERM to make": lambda process: process.send_signal(signal.SIGTERM),
    "SIGKILL of everything": kill_everything,
    "SIGKILL of terraform": _terraform,
    "SIGKILL of Python": lambda process: _python(process, signal.SIGKILL),
}


def _denied(service: str, operation: str, skip: int = 0) -> Fault:
    """Return a fault that refuses a call before it has an effect; no client repeats such a call."""
    return Fault(service, operation, skip=skip, code="AccessDeniedException", status=403)


def _lost(service: str, operation: str, skip: int = 0) -> Fault:
    """Return a fault that loses the answer of a call that had its effect; the client repeats the call."""
    return Fault(service, operation, skip=skip, drop="after")


# One for each account. Apply looks two roles, two groups and a function up before it creates them, so reading
# calls are skipped as often.
CUSTOMER_FAULTS: dict[str, Fault] = {
    "CreateLogGroup refused": _denied("logs", "CreateLogGroup"),
    "CreateLogGroup lost": _lost("logs", "CreateLogGroup"),
    "PutRetentionPolicy refused": _denied("logs", "PutRetentionPolicy"),
    "DescribeLogGroups refused": _denied("logs", "DescribeLogGroups", 2),
    "ListTagsForResource refused": _denied("logs", "ListTagsForResource"),
    "PutDataProtectionPolicy refused": _denied("logs", "PutDataProtectionPolicy"),
    "CreateRole refused": _denied("iam", "CreateRole"),
    "CreateRole lost": _lost("iam", "CreateRole"),
    "PutRolePolicy refused": _denied("iam", "PutRolePolicy"),
    "GetRole refused": _denied("iam", "GetRole", 2),
    "ListRolePolicies refused": _denied("iam", "ListRolePolicies"),
    "CreateFunction refused": _denied("lambda", "CreateFunction"),
    "CreateFunction lost": _lost("lambda", "CreateFunction"),
    "PutFunctionConcurrency refused": _denied("lambda", "PutFunctionConcurrency"),
    "GetFunction refused": _denied("lambda", "GetFunction", 1),
    "CreateAlias lost": _lost("lambda", "CreateAlias"),
}
OPERATIONS_FAULTS: dict[str, Fault] = {
    "CreateRole lost": _lost("iam", "CreateRole"),
    "PutRolePolicy refused": _denied("iam", "PutRolePolicy"),
    "CreateInferenceProfile refused": _denied("bedrock", "CreateInferenceProfile"),
    "GetInferenceProfile refused": _denied("bedrock", "GetInferenceProfile"),
}


def kills(options: argparse.Namespace) -> Section:
    """Kill applies at random moments, continue with the commands that they name, and look for orphans."""
    chance = random.Random(SEED)  # noqa: S311 - moments, no secrets
    tallies: dict[str, dict[str, int]] = {}
    commands: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        copy = copied(Path(folder, "project"), TENANTS)
        with _emptied(copy):
            started = time.monotonic()
            _must(copy.run("make apply ENV=local"))
            whole = time.monotonic() - started
        progress(f"an apply takes {whole:.0f} s")
        for number in range(options.runs or RUNS):
            name = list(KILLS)[number % len(KILLS)]
            with _emptied(copy):
                moment = chance.uniform(0, whole)
                run = killed(copy, KILLS[name], moment)
                runs = copy.continue_after(run)
                problems = _problems(copy, runs)
            counts = tallies.setdefault(name, {"killed": 0, "completed": 0, "unlocked": 0})
            counts["killed"] += 1
            counts["completed"] += not problems
            counts["unlocked"] += any("UNLOCK" in each.command for each in runs)
            commands.append(float(len(runs)))
            progress(
                f"{number + 1}: {name} after {moment:.0f} s, then {len(runs)} commands. "
                f"{' '.join(problems) or 'Nothing is left over.'}"
            )
    total = sum(counts["killed"] for counts in tallies.values())
    completed = sum(counts["completed"] for counts in tallies.values())
    return Section(
        [Figure("commands until it is complete", "", {"ours": commands})],
        [
            Goal("kills that were not completed", float(total - completed), 0.0, "kills"),
            Goal("commands after a kill", max(commands), 2.0, "commands"),
        ],
        [Tally(name, counts) for name, counts in tallies.items()],
    )


def faults(_: argparse.Namespace) -> Section:
    """Fail one call in each account, and complete everything with one more apply."""
    names = list(CUSTOMER_FAULTS)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        fleet(Path(folder, "project"), len(names)) as copy,
    ):
        for fault in OPERATIONS_FAULTS.values():
            _script(copy, fault, OPERATIONS)
        first = copy.run("make apply ENV=local")
        progress(f"operations: {len(OPERATIONS_FAULTS)} faults, exit code {first.code}")
        copy.control.clear_faults()
        for fault, account in zip(CUSTOMER_FAULTS.values(), copy.accounts.values(), strict=True):
            _script(copy, fault, account)
        second = copy.run("make apply ENV=local JOBS=4")
        progress(f"customers: {len(names)} faults, exit code {second.code}")
        copy.control.clear_faults()
        third = copy.run("make apply ENV=local JOBS=4")
        problems = _problems(copy, [third])
        for problem in problems:
            progress(problem)
    failed = [
        name
        for name, (tenant, account) in zip(names, copy.accounts.items(), strict=True)
        if f"{tenant} {account}  failed" in second.output
    ]
    progress(f"failed at first: {', '.join(failed)}")
    count = len(names) + len(OPERATIONS_FAULTS)
    return Section(
        [Figure("faults", "", {"ours": [float(count)]})],
        [
            Goal("problems after one more apply", float(len(problems)), 0.0, "problems"),
            Goal(
                "operations account applied in spite of its faults", float(first.code == 0), 0.0, ""
            ),
        ],
        [Tally("customer accounts", {"faults": len(names), "failed at first": len(failed)})],
    )


def killed(copy: Fleet, kill: Callable[[subprocess.Popen[str]], None], seconds: float) -> Run:
    """Start an apply, kill it after these seconds, and return what it printed."""
    command = "make apply ENV=local"
    process = copy.start(command)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    if process.poll() is None:
        kill(process)
    output, _ = process.communicate()
    return Run(command, process.returncode, output)


@contextmanager
def _emptied(copy: Fleet) -> Iterator[None]:
    """Give a copy an empty local AWS for the length of a block."""
    copy.__dict__.pop("control", None)  # each local AWS has a control API of its own
    _must(copy.run("make up"))
    try:
        yield
    finally:
        _must(copy.run("make down"))


def _must(run: Run) -> None:
    if run.code:
        raise RuntimeError(f"{run.command} failed:\n{run.output}")


def _script(copy: Fleet, fault: Fault, account: str) -> None:
    values = {**fault.__dict__, "account": account}
    copy.control.fault(Fault(**values))


def _problems(copy: Fleet, runs: list[Run]) -> list[str]:
    """Return what is wrong after the last command: it failed, something changes again, or something is left."""
    problems = []
    if runs and runs[-1].code:
        problems.append(f"{runs[-1].command} failed:\n{runs[-1].output[-3000:]}")
    plan = copy.run("make plan ENV=local ALL=1")
    if plan.code or plan.output.count("No changes") != 1 + len(copy.accounts):
        problems.append(f"The plan is not empty:\n{plan.output[-3000:]}")
    problems += [f"{orphan} is an orphan." for orphan in copy.orphans()]
    problems += [f"{lock} is left." for lock in copy.locks()]
    return problems
