"""Installs a hash-locked requirements file and says how far it is. Standard library only."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class PipError(Exception):
    """The packages cannot be had; the message ends with pip's last words."""


def install(python: Path | str, lock: Path, options: list[str], say: Callable[[str], None]) -> None:
    """Install every package in ``lock``, each checked against its hash; raises PipError."""
    total = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    checked = ["--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]
    run = subprocess.Popen(
        [python, "-m", "pip", "install", *checked, *options, "--requirement", lock],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    collected = 0
    for line in run.stdout or ():
        said.append(line)
        if line.startswith("Collecting "):
            collected += 1
            if collected % 20 == 0:
                say(f"  {collected} of {total}")
    if run.wait() != 0:
        raise PipError("".join(said[-10:]))
