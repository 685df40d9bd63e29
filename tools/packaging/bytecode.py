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


def compiler(release: str, progress: Callable[[str], None]) -> Path:
    """Return a CPython of the version ``release`` (``major.minor``).

    The version must match because only the same version can load its bytecode. It is this Python, or
    an installed one, or one that uv downloads and checks against its hash.

    Raises:
        PackageError: There is no such Python and uv cannot download one.
    """
    for python in _candidates(release):
        if python.is_file() and _matches(python, release):
            return python
    progress(f"Fetching Python {release}, which compiles the zip's modules")
    download = _uv("install", release)
    if download.returncode == 0:
        return Path(_uv("find", release).stdout.strip())
    raise PackageError(
        f"The zip needs bytecode of Python {release}, and this machine has no such Python. Install "
        f"it so that python{release} is on PATH, or allow uv to download it. "
        f"uv printed:\n{download.stderr.strip()[-500:]}"
    )


def version(python: Path) -> str:
    """Return the name and version of ``python``, such as ``cpython 3.13.0``; empty if it does not run."""
    code = "import platform, sys; print(sys.implementation.name, platform.python_version())"
    run = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return run.stdout.strip()


def compile_tree(tree: Path, python: Path) -> None:
    """Write bytecode that Python loads without comparing it with its source.

    Without bytecode every cold start would compile all modules, because /var/task is read-only.
    Bytecode that is checked by date would always be stale, because the zip's dates are fixed. The
    hash seed fixes the order of sets in the bytecode.

    Raises:
        PackageError: A module does not compile.
    """
    run = subprocess.run(
        [
            *(python, "-m", "compileall", "-q", "-j", "0", "-s", tree),
            *("--invalidation-mode", "unchecked-hash", tree),
        ],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise PackageError(f"A package does not compile:\n{run.stdout[-2000:]}")


def _candidates(version: str) -> Iterator[Path]:
    """Yield the paths where this version may be installed.

    pyenv's own folder is searched too, as its command on PATH fails if the version is not selected.
    """
    name = f"python{version}"
    yield Path(sys.executable)
    yield from (Path(folder, name) for folder in os.get_exec_path())
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for folder in (pyenv / "versions", Path.home() / ".local/share/uv/python", MANAGED):
        yield from sorted(folder.glob(f"*{version}.*/bin/{name}"), reverse=True)


def _matches(python: Path, release: str) -> bool:
    name, _, number = version(python).partition(" ")
    return name == "cpython" and number.startswith(f"{release}.")


def _uv(command: str, version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("uv"), "python", command, "--managed-python", version],
        env={**os.environ, "UV_PYTHON_INSTALL_DIR": str(MANAGED)},
        capture_output=True,
        text=True,
        check=False,
    )
