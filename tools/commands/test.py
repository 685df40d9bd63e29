"""`make test`: run the checks, then every test. It needs Terraform, the aws provider and loopback only."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from tools.cli.console import progress, run
from tools.packaging.build import LOCK, build
from tools.packaging.installed import CLIENT_LOCK, LIBRARIES_LOCK, install
from tools.packaging.variant import HOST_PYTHON, RUNTIME
from tools.paths import ROOT
from tools.terraform.toolchain import ensure_toolchain


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Run everything; the first check that fails ends it."""
    parser().parse_args()
    with subprocess.Popen([sys.executable, "-m", "tools.commands.check"], cwd=ROOT) as checks:
        # Prepared before the tests, which then need no package index, and while mypy is busy with one core.
        for release in sorted({HOST_PYTHON, RUNTIME}):
            build("host", progress, release)
        for lock in (CLIENT_LOCK, LOCK):
            install(lock, RUNTIME, progress)
        install(LIBRARIES_LOCK, HOST_PYTHON, progress)
    if checks.returncode:
        return checks.returncode
    # One worker more than there are cores, because tests often wait for Terraform.
    workers = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile"]
    # tests/conftest.py sets the order; xdist's own goes by the number of tests in a file, not their time.
    # Some tests hold real deadlines, such as Lambda's, which a busy machine can miss. A failed test runs once more;
    # its first failure is shown all the same, and the summary lists it as RERUN.
    again = ["--reruns", "1", "--rerun-show-tracebacks", "-raR"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *workers, "--no-loadscope-reorder", *again],
        cwd=ROOT,
        env=_environment(),
        check=False,
    ).returncode


def _environment() -> dict[str, str]:
    """Return the process environment without the developer's own AWS settings."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MOTO_", "TF_VAR_"))
    }
    return ensure_toolchain(progress).environment(
        {
            **inherited,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )


if __name__ == "__main__":
    run(main)
