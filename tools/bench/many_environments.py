"""Measures commands beside 100 environments of 1,000 tenants each, on data alone: no account is reached.

A command for one tenant is timed from `make` to its first request to AWS, for which a port of this machine stands in.
`make prove ENV=all OFFLINE=1` compares all environments; afterwards one of them gets another's ExternalId, and the
same command must refuse that.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench.figures import Figure, Goal, Section
from tools.bench.fleet import OF_THE_MAKE_ABOVE, PARTS, python_of
from tools.cli.console import progress
from tools.command_error import CommandError
from tools.environment.hcl import hcl_attributes
from tools.paths import ROOT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

ENVIRONMENTS, TENANTS = 100, 1000
RUNS = 5  # starts of a command, for the median
START_SECONDS, COMPARISON_SECONDS = 2.0, 120.0
REGION = "eu-central-1"


def scale(options: argparse.Namespace) -> Section:
    """Measure the start of a command and the comparison of all environments."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        cells = Cells(Path(folder), ENVIRONMENTS, TENANTS)
        progress(f"writing {ENVIRONMENTS:,} environments of {TENANTS:,} tenants")
        cells.write()
        return measure(cells, options.runs or RUNS)


def measure(cells: Cells, runs: int) -> Section:
    """Return the figures and goals; CommandError if a shared ExternalId is not refused."""
    # The first one finds Terraform and compiles the copied modules, and is left out.
    starts = [cells.start() for _ in range(runs + 1)][1:] if runs else []
    comparison = cells.compare()
    if comparison.code != 0 or "Proved in" not in comparison.output:
        raise CommandError(f"Separate environments are not proved:\n{comparison.output}")
    cells.share_an_external_id()
    refused = cells.compare()
    if refused.code == 0 or "shared ExternalId" not in refused.output:
        raise CommandError(f"A shared ExternalId is not refused:\n{refused.output}")
    of_all = f"comparison of {cells.environments * cells.tenants:,} tenants"
    figures = [
        Figure("start of a command for one tenant", "s", {"ours": [run.seconds for run in starts]}),
        Figure("processor time of this start", "s", {"ours": [run.cpu for run in starts]}),
        Figure(of_all, "s", {"ours": [comparison.seconds]}),
        Figure(f"processor time of the {of_all}", "s", {"ours": [comparison.cpu]}),
        Figure("peak memory of the comparison", "MB", {"ours": [comparison.megabytes]}),
    ]
    goals = [
        Goal(
            "the start of a command for one tenant", figures[0].median("ours"), START_SECONDS, "s"
        ),
        Goal(f"the {of_all}", comparison.seconds, COMPARISON_SECONDS, "s"),
    ]
    return Section(figures, goals)


@dataclass(frozen=True)
class TimedRun:
    """A command that ended, in seconds and megabytes; ``cpu`` is that of all of its processes."""

    code: int
    output: str
    seconds: float
    cpu: float
    megabytes: float


class Cells:
    """A copy of the project with generated environments, each with an operations account of its own."""

    def __init__(self, root: Path, environments: int, tenants: int) -> None:
        self.root, self.environments, self.tenants = root, environments, tenants

    def write(self) -> None:
        """Copy the project and write the environments in place of its own."""
        unwanted = shutil.ignore_patterns("__pycache__", ".terraform*", "errored.tfstate")
        for name in PARTS:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.root / name, symlinks=True, ignore=unwanted)
            else:
                shutil.copy(ROOT / name, self.root / name)
        (self.root / ".venv").symlink_to(ROOT / ".venv")
        (self.root / "build").mkdir()
        for example in (self.root / "environments").glob("*/terraform.tfvars"):
            shutil.rmtree(example.parent)
        for number in range(self.environments):
            folder = self.root / "environments" / _name(number)
            folder.mkdir()
            values = _variables(number, self.tenants)
            (folder / "terraform.tfvars").write_text(hcl_attributes(values))
            backend = {"bucket": f"bedrock-{_name(number)}-state", "region": REGION}
            (folder / "backend.hcl").write_text(hcl_attributes(backend))

    def move_to_files(self) -> None:
        """Give each tenant a file of its own, which takes its stanza out of the map."""
        for number in range(self.environments):
            folder = self.root / "environments" / _name(number)
            values = _variables(number, self.tenants)
            (folder / "tenants").mkdir()
            for tenant, stanza in values["tenants"].items():
                (folder / "tenants" / f"{tenant}.tfvars").write_text(hcl_attributes(stanza))
            (folder / "terraform.tfvars").write_text(hcl_attributes({**values, "tenants": {}}))

    def share_an_external_id(self) -> None:
        """Give a tenant of the last environment the ExternalId of one of the first."""
        tfvars = self.root / "environments" / _name(self.environments - 1) / "terraform.tfvars"
        mine, theirs = _external_id(self.environments - 1, 0), _external_id(0, 0)
        tfvars.write_text(tfvars.read_text().replace(mine, theirs))

    def start(self) -> TimedRun:
        """Time a command for one tenant until it opens the first connection to AWS."""
        name = _name(self.environments // 2)
        with socket.create_server(("127.0.0.1", 0)) as aws:
            endpoint = f"http://127.0.0.1:{aws.getsockname()[1]}"
            command = f"make invoke ENV={name} TENANT=tenant-0000 PROMPT=Hello"
            return self._timed(command, endpoint, aws)

    def compare(self) -> TimedRun:
        """Time the comparison of all environments, which opens no connection."""
        return self._timed("make prove ENV=all OFFLINE=1", "http://127.0.0.1:9", None)

    def _timed(self, command: str, endpoint: str, aws: socket.socket | None) -> TimedRun:
        inherited = {name: os.environ[name] for name in os.environ if name not in OF_THE_MAKE_ABOVE}
        environment = {
            **inherited,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_SECRET_ACCESS_KEY": "none",
            "COLUMNS": "240",
        }
        before, started = _cpu(), time.perf_counter()
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        seconds = None
        if aws is not None:
            aws.settimeout(600)
            connection, _ = aws.accept()
            seconds = time.perf_counter() - started
            # make then ends and counts the processor time of what it started.
            os.kill(python_of(process), signal.SIGKILL)
            connection.close()
        output, _ = process.communicate()
        if seconds is None:
            seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Linux counts in kilobytes: https://man7.org/linux/man-pages/man2/getrusage.2.html
        return TimedRun(process.returncode, output, seconds, _cpu() - before, used.ru_maxrss / 1024)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _name(number: int) -> str:
    return f"cell{number:04}"


def _external_id(environment: int, tenant: int) -> str:
    return f"{environment:08x}-{tenant:08x}-caller"


def _variables(number: int, tenants: int) -> dict[str, Any]:
    """Return an environment in which every account, ExternalId and principal is its own."""
    operations = f"{900_000_000_000 + number}"
    return {
        "environment": _name(number),
        "limits": {"roles": max(1000, tenants)},
        "operations": {
            "account_id": operations,
            "deployment_principals": [f"arn:aws:iam::{operations}:role/deployment"],
            "region": REGION,
            "shards": -(-tenants // 200),
        },
        "tenants": dict(_stanzas(number, tenants)),
    }


def _stanzas(number: int, tenants: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for tenant in range(tenants):
        account = f"{100_000_000_000 + number * 1_000_000 + tenant}"
        stanza = {
            "accounts": {account: {"readers": [f"arn:aws:iam::{account}:role/auditor"]}},
            "deployer": {"external_id": f"{number:08x}-{tenant:08x}-deployer"},
            "external_ids": {"current": _external_id(number, tenant)},
            "models": {
                "claude": {
                    "model": "anthropic.claude-haiku-4-5-20251001-v1:0",
                    "profile": "eu.",
                    "regions": [REGION],
                    "route": "geographic",
                },
                "nova": {"model": "amazon.nova-lite-v1:0", "regions": [REGION], "track": True},
            },
            "quota": {"max_tokens_per_call": 4096, "tokens_per_day": 1_000_000},
        }
        yield f"tenant-{tenant:04}", stanza
