"""Installs a hash-locked requirements file and reports progress. Uses the standard library only."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class PipError(Exception):
    """The packages could not be installed; the message is the last lines that pip printed."""


def install(
    python: Path | str, lock: Path, options: list[str], progress: Callable[[str], None]
) -> None:
    """Install every package in ``lock`` after checking its hash.

    Raises:
        PipError: pip failed.
    """
    total = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    verification = ["--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]
    process = subprocess.Popen(
        [python, "-m", "pip", "install", *verification, *options, "--requirement", lock],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    packages = 0
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith("Collecting "):
            packages += 1
            if packages % 20 == 0:
                progress(f"  {packages} of {total}")
    if process.wait() != 0:
        raise PipError("".join(lines[-10:]))
