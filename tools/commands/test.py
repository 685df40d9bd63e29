"""`make test`: style, types, then every test. Needs Terraform, the aws provider and loopback; nothing else."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from tools.cli.console import progress, run
from tools.cli.workspace import Workspace
from tools.packaging import build as package
from tools.paths import ROOT

CHECKS = {
    "Style": ["ruff", "check", "--quiet"],
    "Format": ["ruff", "format", "--check", "--quiet"],
    "Types": ["mypy"],
}


def main() -> int:
    """Run the checks, then the tests; the first that fails ends it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only-checks", action="store_true", help="leave the tests out")
    chosen = options.parse_args()
    for name, command in CHECKS.items():
        progress(name)
        failed = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
        if failed:
            return failed
    if chosen.only_checks:
        return 0
    package.build("host", progress)  # set-up: the tests themselves need no package index
    # One more than there are cores: much of a test's time, Terraform waits for AWS to settle.
    workers = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile"]
    return subprocess.run(
        # In the order of tests/conftest.py: xdist's own counts a file's tests, not its minutes.
        [sys.executable, "-m", "pytest", *workers, "--no-loadscope-reorder"],
        cwd=ROOT,
        env=without_aws(Workspace()),
        check=False,
    ).returncode


def without_aws(workspace: Workspace) -> dict[str, str]:
    """The environment without the developer's own AWS configuration: a test may never use it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MOTO_", "TF_VAR_"))
    }
    return workspace.toolchain().environment(
        {
            **kept,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Terraform and its provider are short-lived here, and collect garbage a quarter of their time.
            "GOGC": "400",
        }
    )


if __name__ == "__main__":
    run(main)
