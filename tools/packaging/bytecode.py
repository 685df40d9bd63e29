"""Compiles the zip's modules with the Python version that will run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.packaging.variant import PackageError
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANAGED = ROOT / ".work" / "python"


def compiler(wanted: str, say: Callable[[str], None]) -> Path:
    """A CPython of this ``major.minor`` version, for another's bytecode cannot be read.

    It is this one, or one that is installed, or one that uv fetches: the uv in the lock file knows
    each build's hash. Raises PackageError, a sentence.
    """
    for python in _installed(wanted):
        if python.is_file() and _matches(python, wanted):
            return python
    say(f"Fetching Python {wanted}, whose bytecode the zip needs")
    fetched = _uv("install", wanted)
    if fetched.returncode == 0:
        return Path(_uv("find", wanted).stdout.strip())
    raise PackageError(
        f"The zip needs bytecode of Python {wanted}, and there is no such Python here: install one "
        f"(python{wanted} on PATH is found), or let uv reach the site it fetches from. "
        f"uv said:\n{fetched.stderr.strip()[-500:]}"
    )


def version(python: Path) -> str:
    """What ``python`` is, such as ``cpython 3.13.0``; empty when it does not run."""
    asks = "import platform, sys; print(sys.implementation.name, platform.python_version())"
    said = subprocess.run([python, "-I", "-c", asks], capture_output=True, text=True, check=False)
    return said.stdout.strip()


def compile_tree(tree: Path, python: Path) -> None:
    """Write bytecode that is never checked against its source.

    /var/task is read-only, so without bytecode every cold start compiles everything again; and a
    date-checked file would be stale, for the zip's dates are fixed. The seed fixes the order of
    sets, which bytecode holds. Raises PackageError when a module does not compile.
    """
    compiled = subprocess.run(
        [
            *(python, "-m", "compileall", "-q", "-j", "0", "-s", tree),
            *("--invalidation-mode", "unchecked-hash", tree),
        ],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if compiled.returncode != 0:
        raise PackageError(f"a package does not compile:\n{compiled.stdout[-2000:]}")


def _installed(version: str) -> Iterator[Path]:
    """Where this version may be, the likeliest first: pyenv's command on PATH may be a dud."""
    name = f"python{version}"
    yield Path(sys.executable)
    yield from (Path(folder, name) for folder in os.get_exec_path())
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for folder in (pyenv / "versions", Path.home() / ".local/share/uv/python", MANAGED):
        yield from sorted(folder.glob(f"*{version}.*/bin/{name}"), reverse=True)


def _matches(python: Path, wanted: str) -> bool:
    name, _, number = version(python).partition(" ")
    return name == "cpython" and number.startswith(f"{wanted}.")


def _uv(command: str, version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("uv"), "python", command, "--managed-python", version],
        env={**os.environ, "UV_PYTHON_INSTALL_DIR": str(MANAGED)},
        capture_output=True,
        text=True,
        check=False,
    )
