"""`make lock`: refresh the hash-locked requirement files from pyproject.toml.

The files hold versions and hashes for every platform, and no address of a package index. Any index
can serve the packages, as long as they have these hashes.
"""

from __future__ import annotations

import argparse
import subprocess

from tools.cli.console import progress, run
from tools.command_error import CommandError
from tools.paths import ROOT

LOCKS = {
    "lambda/requirements.txt": ["pyproject.toml", "--overrides=lambda/overrides.txt"],
    "requirements-dev.txt": ["pyproject.toml", "--group=development"],
    "requirements.txt": ["--group=operation", "--constraints=requirements-dev.txt"],
    # The runtime interface client alone, because a function sees no other package of this machine.
    "tools/localaws/requirements.txt": [
        "--group=runtime",
        "--constraints=requirements-dev.txt",
    ],
    # Libraries and the package's own dependencies, as a customer installs them side by side.
    "lambda/examples/libraries/requirements.txt": [
        "pyproject.toml",
        "--group=libraries",
        "--constraints=lambda/requirements.txt",
    ],
    # All dependencies of the package, for the usual LangChain handler that `make bench` compares with.
    "tools/bench/requirements.txt": ["pyproject.toml"],
}


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Resolve the newest versions that pyproject.toml allows, and write every file."""
    parser().parse_args()
    for path, options in LOCKS.items():
        progress(f"Resolving {path}")
        resolve = subprocess.run(
            [
                ROOT / ".venv" / "bin" / "uv",
                "pip",
                "compile",
                *options,
                "--upgrade",
                "--universal",
                "--python-version=3.11",
                "--generate-hashes",
                "--no-annotate",
                "--no-header",
                f"--output-file={path}",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if resolve.returncode != 0:
            raise CommandError(f"{path} could not be resolved:\n{resolve.stderr}")
    return 0


if __name__ == "__main__":
    run(main)
