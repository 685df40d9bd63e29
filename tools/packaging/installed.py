"""Hash-locked packages in folders of .work, for a Python that may be another than this one."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.packaging import pip
from tools.packaging.exclusive import exclusive
from tools.packaging.variant import PackageError, Variant
from tools.paths import ROOT, WORK

if TYPE_CHECKING:
    from collections.abc import Callable

# What Lambda's own Python has besides its library: the runtime interface client.
CLIENT_LOCK = ROOT / "tools" / "localaws" / "requirements.txt"
# The libraries that examples give the package's clients to.
LIBRARIES_LOCK = ROOT / "lambda" / "examples" / "libraries" / "requirements.txt"


def install(lock: Path, release: str, progress: Callable[[str], None]) -> Path:
    """Return a folder with the packages of ``lock`` for Python ``release`` (``major.minor``).

    It is for this machine and for PYTHONPATH. It is filled once, and again when the lock changes; other
    processes wait for it.

    Raises:
        PackageError: A package is not available.
    """
    folder = WORK / "packages" / f"{lock.parent.name}-py{release}"
    stamp = folder / ".made-from"
    inputs = hashlib.sha256(lock.read_bytes()).hexdigest()
    with exclusive(folder.with_suffix(".lock")):
        if stamp.is_file() and stamp.read_text() == inputs:
            return folder
        progress(f"Installing {lock.relative_to(ROOT)} for Python {release}")
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            target = Path(temporary, "packages")
            options = ["--only-binary=:all:", *Variant("host", release).pip_options()]
            try:
                pip.install(sys.executable, lock, [*options, f"--target={target}"], progress)
            except pip.PipError as error:
                raise PackageError(
                    f"pip could not install {lock.relative_to(ROOT)} for Python {release}; it needs a "
                    f"package index that has these wheels. pip printed:\n{error}"
                ) from None
            (target / stamp.name).write_text(inputs)
            shutil.rmtree(folder, ignore_errors=True)
            target.rename(folder)
    return folder
