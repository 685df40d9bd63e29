"""The checks of style, format and types."""

from __future__ import annotations

import subprocess
import sys

from tools.cli.console import progress
from tools.paths import ROOT

CHECKS = {
    "Style": ["ruff", "check", "--quiet"],
    "Format": ["ruff", "format", "--check", "--quiet"],
    "Types": ["mypy"],
}


def run_checks() -> int:
    """Run each check, and return the exit code of the first that fails, or 0."""
    for name, command in CHECKS.items():
        progress(name)
        code = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0
