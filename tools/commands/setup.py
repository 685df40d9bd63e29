"""Makes the virtual environment and the Terraform toolchain; quick when both are there.

Standard library only: `make` runs it with the system's Python before every other command.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.packaging import pip  # noqa: E402 - runs as a file, before anything is installed
from tools.terraform import toolchain  # noqa: E402

VENV = ROOT / ".venv"
LOCK = ROOT / "requirements-dev.txt"


class SetupError(Exception):
    """The machine lacks something; the message says what."""


def main() -> int:
    """Set up, and say in a sentence what is missing if it cannot be done."""
    try:
        _virtual_environment()
        toolchain.ensure(_progress)
    except (SetupError, toolchain.ToolchainError) as error:
        sys.stderr.write(f"Set-up stopped: {error}\n")
        return 1
    return 0


def _virtual_environment() -> None:
    stamp = VENV / ".made-from"
    made_from = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == made_from:
        return
    _progress(f"Making .venv with Python {sys.version.split()[0]}")
    try:
        venv.create(VENV, clear=True, with_pip=True)
    except (subprocess.CalledProcessError, ImportError):
        raise SetupError(
            "Python's venv module does not work here; on Debian and Ubuntu install python3-venv."
        ) from None
    _progress("Installing packages, each checked against its hash (a minute or two)")
    try:
        pip.install(VENV / "bin" / "python", LOCK, [], _progress)
    except pip.PipError as error:
        raise SetupError(
            f"the packages in {LOCK.name} could not be installed; a package index that has them is needed. "
            f"pip said:\n{error}"
        ) from None
    stamp.write_text(made_from)


def _progress(line: str) -> None:
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
