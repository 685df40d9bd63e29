"""The three handlers that are compared, each with the packages that it is usually deployed with."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench import RESULTS
from tools.packaging import archive, bytecode, pip
from tools.packaging import build as package
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLERS = ROOT / "tools" / "bench" / "handlers"
STOPWATCH = HANDLERS / "stopwatch.py"
LOCK = ROOT / "tools" / "bench" / "requirements.txt"
BOTO3 = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")


@dataclass(frozen=True)
class Zip:
    """One handler's zip for this machine; ``handler`` is its entry point as Lambda writes it."""

    name: str
    path: Path
    handler: str

    @property
    def megabytes(self) -> float:
        """Its size in millions of bytes."""
        return self.path.stat().st_size / 1e6


def build(progress: Callable[[str], None]) -> list[Zip]:
    """Return the zips of the raw, the usual and our own handler; build them if an input has changed."""
    package_zip = package.build("host", progress)
    raw, naive, ours = (RESULTS / f"{name}.zip" for name in ("raw", "naive", "ours"))
    stamp = RESULTS / "zips.made-from"
    inputs = _fingerprint(package_zip)
    if not stamp.is_file() or stamp.read_text() != inputs:
        with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
            _build_comparators(Path(folder), raw, naive, progress)
        shutil.copy(package_zip, ours)
        with zipfile.ZipFile(ours, "a") as zip_archive:
            for path in (HANDLERS / "ours.py", STOPWATCH):
                zip_archive.write(path, path.name)
        stamp.write_text(inputs)
    return [Zip(path.stem, path, f"{path.stem}.handler") for path in (raw, naive, ours)]


def _build_comparators(
    folder: Path, raw: Path, naive: Path, progress: Callable[[str], None]
) -> None:
    """Zip boto3 with bytecode, as Lambda's own Python has it, and all of LangChain without any."""
    progress("Installing LangChain with all its dependencies, for the comparison")
    langchain, boto3 = folder / "naive", folder / "raw"
    pip.install(sys.executable, LOCK, ["--no-compile", f"--target={langchain}"], progress)
    boto3.mkdir()
    for name in BOTO3:
        source = langchain / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, boto3 / name)
    for path in (HANDLERS / "raw.py", STOPWATCH):
        shutil.copy(path, boto3)
    bytecode.compile_tree(boto3, Path(sys.executable))
    for path in (HANDLERS / "naive.py", STOPWATCH):
        shutil.copy(path, langchain)
    # If a zip has no bytecode at all, the local AWS keeps what Python compiles. One compiled file
    # prevents that: on Lambda nothing is kept, because /var/task is read-only.
    subprocess.run([sys.executable, "-m", "compileall", "-q", langchain / "naive.py"], check=True)
    progress("Zipping the handlers to compare with")
    archive.pack(boto3, raw)
    archive.pack(langchain, naive)


def _fingerprint(package_zip: Path) -> str:
    digest = hashlib.sha256(package_zip.read_bytes())
    for path in (LOCK, Path(__file__), *sorted(HANDLERS.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()
