"""Runs of the programs in ``record_programs`` as a tenant's processes, under this Python and Lambda's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.local_tenant import EXECUTION_ARN, FUNCTION, ONE_MODEL, REGION, SETTINGS
from tools.bench.record_programs.program import HUNG
from tools.packaging import bytecode
from tools.packaging.build import LOCK
from tools.packaging.installed import install
from tools.packaging.variant import HOST_PYTHON, RUNTIME
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.bench.local_tenant import LocalTenant

SPOOL = "spool"  # the folder of a run's spool
SECONDS = 100  # after which a program hangs; the slowest run of all takes a third of it


@dataclass(frozen=True)
class Python:
    """An interpreter of the version ``release``, and the folders where it finds packages."""

    release: str
    interpreter: Path
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Run:
    """A program's run; its name is in each of its prompts, and its seed decides what it draws.

    ``environment`` holds variables in addition to those that name the tenant.
    """

    program: str
    name: str
    seed: str
    calls: int
    size: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """How a run ended, with what it printed; ``code`` is negative for a signal."""

    code: int
    stdout: str
    stderr: str
    seconds_exceeded: bool

    @property
    def hung(self) -> bool:
        """Whether the process or a child of it did not end by itself."""
        return self.seconds_exceeded or self.code == HUNG or self.stderr.endswith(" hung.\n")


def pythons(progress: Callable[[str], None]) -> list[Python]:
    """Return this Python and Lambda's, each with the packages that the zip has; one if they are the same.

    Raises:
        PackageError: There is no Python of Lambda's version, or its packages are not available.
    """
    here = Python(HOST_PYTHON, Path(sys.executable))
    if HOST_PYTHON == RUNTIME:
        return [here]
    folder = install(LOCK, RUNTIME, progress)
    return [here, Python(RUNTIME, bytecode.compiler(RUNTIME, progress), (folder,))]


def environment(tenant: LocalTenant, python: Python) -> dict[str, str]:
    """Return the variables of a process of the tenant, which inherits none but PATH."""
    keys = tenant.client("sts").assume_role(RoleArn=EXECUTION_ARN, RoleSessionName=FUNCTION)
    folders = (ROOT, ROOT / "lambda", *python.folders)
    return {
        "AWS_ACCESS_KEY_ID": keys["Credentials"]["AccessKeyId"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": tenant.url,
        "AWS_REGION": REGION,
        "AWS_SECRET_ACCESS_KEY": keys["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["Credentials"]["SessionToken"],
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "TENANT_BEDROCK": json.dumps({**SETTINGS, "models": ONE_MODEL}),
    }


def run_program(
    tenant: LocalTenant, python: Python, run: Run, folder: Path, seconds: int = SECONDS
) -> Ending:
    """Run a program in ``folder`` and wait for it; a process that hangs is ended with its children."""
    arguments = {"run": run.name, "seed": run.seed, "calls": run.calls, "size": run.size}
    options = [f"--{name}={value}" for name, value in {**arguments, "seconds": seconds}.items()]
    module = f"tools.bench.record_programs.{run.program}"
    exceeded = False
    # Files, because a child that outlives its parent would keep a pipe open.
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [python.interpreter, "-m", module, *options],
            cwd=folder,
            env={
                **environment(tenant, python),
                "TENANT_BEDROCK_SPOOL": str(folder / SPOOL),
                **run.environment,
            },
            start_new_session=True,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
        )
        try:
            process.wait(seconds + 20)  # by then its own watchdog has written the stacks
        except subprocess.TimeoutExpired:
            exceeded = True
        finally:
            with suppress(ProcessLookupError):  # nothing of its group is left
                os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    texts = [(folder / name).read_text(errors="replace") for name in ("stdout", "stderr")]
    return Ending(code, texts[0], texts[1], exceeded)
