"""Sets up the virtual environment and the Terraform toolchain; quick when both exist.

It uses the standard library only: `make` runs it with the system's Python before every command.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.command_error import CommandError
from tools.packaging import pip
from tools.paths import ROOT
from tools.terraform.toolchain import ensure_toolchain

VENV = ROOT / ".venv"
# What an operator's commands need; CI installs it in the jobs that hold AWS rights.
OPERATION_LOCK = ROOT / "requirements.txt"
# The same, and what builds the local AWS and the tests.
DEVELOPMENT_LOCK = ROOT / "requirements-dev.txt"
LOCKS = {"operation": OPERATION_LOCK, "development": DEVELOPMENT_LOCK}


class SetupError(CommandError):
    """The machine lacks something; the message says what."""


def main() -> int:
    """Set up, or print a sentence that says what is missing."""
    try:
        _make_virtual_environment(_lock())
        ensure_toolchain(_progress)
    except CommandError as error:
        sys.stderr.write(f"Set-up stopped: {error}\n")
        return 1
    return 0


def _lock() -> Path:
    """Return the requirements that DEPENDENCIES names."""
    group = os.environ.get("DEPENDENCIES", "development")
    if group not in LOCKS:
        raise SetupError(f'DEPENDENCIES is "{group}"; write one of {", ".join(LOCKS)}.')
    return LOCKS[group]


def _make_virtual_environment(lock: Path) -> None:
    stamp = VENV / ".made-from"
    fingerprint = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == fingerprint:
        return
    if VENV.is_symlink():
        # Its target would be emptied, which may be another checkout's environment.
        raise SetupError(
            ".venv is a symbolic link to an environment that other packages were installed in; remove the link, and "
            "run the command again."
        )
    _progress(f"Making .venv with Python {sys.version.split()[0]}")
    try:
        venv.create(VENV, clear=True, with_pip=True)
    except (subprocess.CalledProcessError, ImportError):
        raise SetupError(
            "Python's venv module does not work here; on Debian and Ubuntu install python3-venv."
        ) from None
    _progress("Installing packages, each checked against its hash (a minute or two)")
    try:
        pip.install(VENV / "bin" / "python", lock, [], _progress)
    except pip.PipError as error:
        raise SetupError(
            f"the packages in {lock.name} could not be installed; a package index that has them is needed. "
            f"The end of pip's output:\n{error}"
        ) from None
    stamp.write_text(fingerprint)


def _progress(line: str) -> None:
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
