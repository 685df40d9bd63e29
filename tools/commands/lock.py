"""`make lock`: refresh the hash-locked requirement files from pyproject.toml.

They hold versions and hashes for every platform, and no address: whichever package index a
machine is set up with, what it serves must have these hashes.
"""

from __future__ import annotations

import subprocess

from tools.cli.console import CommandError, progress, run
from tools.paths import ROOT

LOCKS = {
    "lambda/requirements.txt": ["--overrides=lambda/overrides.txt"],
    "requirements-dev.txt": ["--group=dev"],
    # The same dependencies with nothing left out: what `make bench` compares the zip with.
    "tools/bench/requirements.txt": [],
}


def main() -> int:
    """Resolve every file anew."""
    for path, options in LOCKS.items():
        progress(f"Resolving {path}")
        resolve = subprocess.run(
            [
                ROOT / ".venv" / "bin" / "uv",
                "pip",
                "compile",
                "pyproject.toml",
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
