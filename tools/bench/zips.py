"""The three handlers that are compared, each with the packages it is usually deployed with."""

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
LOCK = ROOT / "tools" / "bench" / "requirements.txt"
BOTO3 = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")


@dataclass(frozen=True)
class Zip:
    """One handler's zip for this machine; ``handler`` is Lambda's name for its entry."""

    name: str
    what: str
    path: Path
    handler: str

    @property
    def megabytes(self) -> float:
        """Its size as Lambda counts it, in millions of bytes."""
        return self.path.stat().st_size / 1e6


def build(say: Callable[[str], None]) -> list[Zip]:
    """The zips of the raw, the usual and our own handler, made anew when something changed."""
    own = package.build("host", say)
    raw, naive, ours = (RESULTS / f"{name}.zip" for name in ("raw", "naive", "ours"))
    stamp = RESULTS / "zips.made-from"
    made_from = _fingerprint(own)
    if not stamp.is_file() or stamp.read_text() != made_from:
        with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
            _build_others(Path(folder), raw, naive, say)
        shutil.copy(own, ours)
        with zipfile.ZipFile(ours, "a") as added:
            added.write(HANDLERS / "ours.py", "ours.py")
        stamp.write_text(made_from)
    return [
        Zip("raw", "boto3, no LangChain", raw, "raw.handler"),
        Zip("naive", "LangChain as usually written", naive, "naive.handler"),
        Zip("ours", "this package", ours, "ours.handler"),
    ]


def _build_others(folder: Path, raw: Path, naive: Path, say: Callable[[str], None]) -> None:
    """boto3 with its bytecode, as Lambda's own Python has it; all of LangChain without any."""
    say("Installing LangChain with nothing left out, to compare with")
    everything, few = folder / "naive", folder / "raw"
    pip.install(sys.executable, LOCK, ["--no-compile", f"--target={everything}"], say)
    few.mkdir()
    for name in BOTO3:
        source = everything / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, few / name)
    shutil.copy(HANDLERS / "raw.py", few)
    bytecode.compile_tree(few, Path(sys.executable))
    shutil.copy(HANDLERS / "naive.py", everything)
    # With one compiled file the local cloud lets a zip bring its own bytecode and makes none,
    # as on Lambda, whose folder for the code is read-only.
    subprocess.run([sys.executable, "-m", "compileall", "-q", everything / "naive.py"], check=True)
    say("Zipping what to compare with")
    archive.pack(few, raw)
    archive.pack(everything, naive)


def _fingerprint(own: Path) -> str:
    digest = hashlib.sha256(own.read_bytes())
    for path in (LOCK, Path(__file__), *sorted(HANDLERS.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()
