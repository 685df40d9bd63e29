"""The three handlers that are compared, each with the packages that it is usually deployed with."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
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


def build(progress: Callable[[str], None]) -> dict[str, Path]:
    """Return the zips for this machine by variant; build them if an input has changed.

    The entry point of each is ``entry.handler``.
    """
    package_zip = package.build("host", progress)
    zips = {variant: RESULTS / f"{variant}.zip" for variant in ("raw", "usual", "ours")}
    stamp = RESULTS / "zips.made-from"
    inputs = _fingerprint(package_zip)
    if not stamp.is_file() or stamp.read_text() != inputs:
        with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
            _build_comparators(Path(folder), zips["raw"], zips["usual"], progress)
        shutil.copy(package_zip, zips["ours"])
        with zipfile.ZipFile(zips["ours"], "a") as zip_archive:
            zip_archive.write(HANDLERS / "ours.py", "entry.py")
            zip_archive.write(STOPWATCH, STOPWATCH.name)
        stamp.write_text(inputs)
    return zips


def _build_comparators(
    folder: Path, raw: Path, usual: Path, progress: Callable[[str], None]
) -> None:
    """Zip boto3 with bytecode, as Lambda's own Python has it, and all of LangChain without any."""
    progress("Installing LangChain with all its dependencies, for the comparison")
    langchain, boto3 = folder / "usual", folder / "raw"
    pip.install(sys.executable, LOCK, ["--no-compile", f"--target={langchain}"], progress)
    boto3.mkdir()
    for name in BOTO3:
        source = langchain / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, boto3 / name)
    for tree in (boto3, langchain):
        shutil.copy(HANDLERS / f"{tree.name}.py", tree / "entry.py")
        shutil.copy(STOPWATCH, tree)
    bytecode.compile_tree(boto3, Path(sys.executable))
    # If a zip has no bytecode at all, the local AWS keeps what Python compiles. One compiled file
    # prevents that: on Lambda nothing is kept, because /var/task is read-only.
    subprocess.run([sys.executable, "-m", "compileall", "-q", langchain / "entry.py"], check=True)
    progress("Zipping the handlers to compare with")
    archive.pack(boto3, raw)
    archive.pack(langchain, usual)


def _fingerprint(package_zip: Path) -> str:
    digest = hashlib.sha256(package_zip.read_bytes())
    for path in (LOCK, Path(__file__), *sorted(HANDLERS.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()
