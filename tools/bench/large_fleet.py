"""Measures commands in an environment of FLEET= tenants on the local AWS, which answers as late as AWS does.

The operations account is applied. So are the first accounts, and the others are marked as applied, so that a command
that looks at every account has all of them before it.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, Goal, Section
from tools.bench.fleet import Fleet, Run, fleet
from tools.bench.many_environments import Cells
from tools.cli.console import progress
from tools.command_error import CommandError
from tools.environment.job_matrix import PARALLEL_JOBS, job_count
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

TENANTS = 2000
SHARD = 200  # tenants in one state of the operations account
ACCOUNTS = 4  # really applied
# The median of a call of a control plane from the same Region is some tens of milliseconds.
LATENCY_SECONDS = 0.05
START_SECONDS, CHANGE_SECONDS, MATRIX_MINUTES = 2.0, 180.0, 45.0
REFRESH_CALLS, PLAN_MEGABYTES = 4.0, 300.0
# https://docs.github.com/en/actions/reference/runners/github-hosted-runners: private repositories get 2 processors.
RUNNER_CORES = 2
# An assumption: to check out, install the packages, fetch the provider and build the zip takes this long in a job.
RUNNER_START_MINUTES = 4.0


@dataclass(frozen=True)
class Measured:
    """A command that ended, in seconds; ``cpu`` is that of all of its processes."""

    seconds: float
    cpu: float
    output: str


def large_fleet(options: argparse.Namespace) -> Section:
    """Apply the fleet and measure the commands."""
    size = options.fleet or TENANTS
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        cells = Cells(Path(folder, "cells"), 1, size)
        cells.root.mkdir()
        cells.write()
        starts = [cells.start().seconds for _ in range(4)][1:]
        cells.move_to_files()
        starts_with_files = [cells.start().seconds for _ in range(3)]
        progress(f"making the deployers of {size:,} accounts")
        with fleet(Path(folder, "project"), size, shards=-(-size // SHARD)) as copy:
            _prepare(copy, size)
            return _measure(copy, size, starts, starts_with_files)


def _prepare(copy: Fleet, size: int) -> None:
    progress(f"applying the operations account with {size:,} tenants")
    _must(copy.run("make apply ENV=local PART=operations AUTO=1 JOBS=2"))
    progress(f"applying {ACCOUNTS} customer accounts, and marking the others as applied")
    module = [sys.executable, "-m", "tools.bench.applied_accounts", str(ACCOUNTS)]
    subprocess.run(module, cwd=copy.root, check=True)
    _must(copy.run("make apply ENV=local AUTO=1 JOBS=2"))


def _measure(
    copy: Fleet, size: int, starts: list[float], starts_with_files: list[float]
) -> Section:
    copy.control.fault(Fault(delay_seconds=LATENCY_SECONDS, times=FOREVER))
    progress("the plan and the proof of the operations account")
    before = len(copy.control.calls(service="iam"))
    operations = timed(copy, "make prove ENV=local PART=operations ALL=1 JOBS=2")
    calls = (len(copy.control.calls(service="iam")) - before) / size
    progress("a change of one stanza, planned, proved and applied")
    copy.change(["tenant1"], 61)
    change = timed(copy, "make apply ENV=local AUTO=1 JOBS=2")
    copy.change(["tenant1"], 62)
    change_of_one = timed(copy, "make apply ENV=local TENANT=tenant1 AUTO=1")
    progress("the plan and the proof of some accounts")
    names = list(copy.accounts)[:ACCOUNTS]
    copy.change(names, 63)
    part = " ".join(f"{name}/{copy.accounts[name]}" for name in names)
    some = timed(copy, f"make prove ENV=local PART='{part}' ALL=1 JOBS=2")
    with PeakMemory(copy) as memory:
        timed(copy, "make plan ENV=local TENANT=tenant2")
    account = some.cpu / len(names)
    minutes = matrix_minutes(size, operations.cpu, account)
    figures = [
        Figure("start of a command for one tenant", "s", {"ours": starts}),
        Figure("the same with a file for each tenant", "s", {"ours": starts_with_files}),
        Figure("plan and proof of the operations account", "s", {"ours": [operations.seconds]}),
        Figure("processor time of it", "s", {"ours": [operations.cpu]}),
        Figure("IAM calls for each tenant in it", "calls", {"ours": [calls]}),
        Figure("one changed stanza, planned, proved and applied", "s", {"ours": [change.seconds]}),
        Figure("the same with TENANT=", "s", {"ours": [change_of_one.seconds]}),
        Figure("plan and proof of one account, processor time", "s", {"ours": [account]}),
        Figure("peak memory of the plan of one account", "MB", {"ours": [memory.megabytes]}),
        Figure("plan and proof of all in the matrix, computed", "min", {"ours": [minutes]}),
    ]
    goals = [
        Goal(
            "the start of a command for one tenant", figures[0].median("ours"), START_SECONDS, "s"
        ),
        Goal("the same with a file for each tenant", figures[1].median("ours"), START_SECONDS, "s"),
        Goal("one changed stanza", change.seconds, CHANGE_SECONDS, "s"),
        Goal("one changed stanza with TENANT=", change_of_one.seconds, CHANGE_SECONDS, "s"),
        Goal("IAM calls for each tenant", calls, REFRESH_CALLS, "calls"),
        Goal("peak memory of the plan of one account", memory.megabytes, PLAN_MEGABYTES, "MB"),
        Goal("plan and proof of all in the matrix", minutes, MATRIX_MINUTES, "min"),
    ]
    return Section(figures, goals)


def matrix_minutes(accounts: int, operations: float, account: float) -> float:
    """Return how long the workflow takes to plan and prove everything, from processor times in seconds.

    One job proves the operations account, then the matrix its accounts in rounds, and a last job combines the parts.
    """
    jobs = job_count(accounts)
    rounds = -(-jobs // PARALLEL_JOBS)
    seconds = (operations + rounds * -(-accounts // jobs) * account) / RUNNER_CORES
    return RUNNER_START_MINUTES * (2 + rounds) + seconds / 60


def timed(copy: Fleet, command: str) -> Measured:
    """Run a command to its end; CommandError if it fails."""
    before, started = _cpu(), time.perf_counter()
    run = _must(copy.run(command))
    return Measured(time.perf_counter() - started, _cpu() - before, run.output)


class PeakMemory:
    """Samples the memory of terraform and its providers in the customer root of a copy, until the block ends."""

    def __init__(self, copy: Fleet) -> None:
        self.megabytes = 0.0
        self._root = copy.root / "environments" / "customer"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def sampled(self) -> float:
        """Take a sample now, and return the peak until now in megabytes."""
        kilobytes = sum(map(_own_kilobytes, self._processes()))
        self.megabytes = max(self.megabytes, kilobytes / 1024)
        return self.megabytes

    def _sample(self) -> None:
        while not self._ended.wait(0.05):
            self.sampled()

    def _processes(self) -> Iterator[Path]:
        """Yield the processes that work in the root; terraform starts its providers there."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink() == self._root:
                    yield process


def _own_kilobytes(process: Path) -> int:
    """Return the memory of its own, without the files that all processes share, such as the provider's 550 MB.

    https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    """
    with suppress(OSError):
        for line in (process / "status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0  # it has ended


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _must(run: Run) -> Run:
    if run.code:
        raise CommandError(f"{run.command} failed:\n{run.output}")
    return run
