"""`make check`: check style, format and types, without the tests."""

from __future__ import annotations

import argparse
import subprocess
import sys

from tools.cli.console import progress, run
from tools.paths import ROOT

CHECKS = {
    "Style": ["ruff", "check", "--quiet"],
    "Format": ["ruff", "format", "--check", "--quiet"],
    "Types": ["mypy"],
}


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Run each check; the first that fails ends them."""
    parser().parse_args()
    for name, command in CHECKS.items():
        progress(name)
        code = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    run(main)
