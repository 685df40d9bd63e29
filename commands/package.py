"""Builds the Lambda zip from the hash-locked packages, without Docker.

Two variants run on AWS (arm64, x86_64); ``host`` is for this machine's Python and runs in the local
cloud. The same inputs give the same bytes, so Terraform sees a change only when there is one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from commands import pip
from commands.console import CommandError, out, progress, run
from commands.toolchain import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK = ROOT / "lambda" / "requirements.txt"
PACKAGE = ROOT / "lambda" / "tenant_bedrock"
BUILD = ROOT / "build"

RUNTIME = "3.13"
# Lambda's python3.13 runs on Amazon Linux 2023, glibc 2.34; wheels for older ones run there too.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}

# The AWS services the package calls; botocore's data for the other 400 is most of its size.
SERVICES = {"bedrock-runtime", "logs", "sts"}
UNUSED_FOLDERS = {"__pycache__", "tests"}
# pip's notes on this installation: they hold its paths, and nothing reads them at run time.
INSTALLATION_NOTES = {"INSTALLER", "RECORD", "REQUESTED"}
EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip cannot hold an earlier date


class PackageError(CommandError):
    """The zip cannot be built; the message is a sentence."""


@dataclass(frozen=True)
class Variant:
    """What a zip is built for: a Lambda architecture, or this machine."""

    architecture: str

    @property
    def python(self) -> str:
        """The Python version, ``major.minor``."""
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        return here if self.architecture == "host" else RUNTIME

    @property
    def zip(self) -> Path:
        """Where the zip goes."""
        return BUILD / f"tenant-bedrock-{self.architecture}-py{self.python}.zip"

    @property
    def compiles(self) -> bool:
        """Whether this Python writes the bytecode that the variant's Python reads."""
        return sys.implementation.name == "cpython" and sys.version.startswith(f"{self.python}.")

    def pip_options(self) -> list[str]:
        """Which wheels pip picks; the host takes what fits the running Python."""
        if self.architecture == "host":
            return []
        platforms = [f"--platform={glibc}_{MACHINES[self.architecture]}" for glibc in GLIBC]
        return [f"--python-version={self.python}", "--implementation=cp", *platforms]


def main() -> int:
    """Build one variant and print its path."""
    parser = argparse.ArgumentParser(prog="commands.package", description=__doc__)
    parser.add_argument("--architecture", choices=[*MACHINES, "host"], default="arm64")
    built = build(parser.parse_args().architecture, progress)
    out.print(built.relative_to(ROOT))
    return 0


def build(architecture: str, say: Callable[[str], None]) -> Path:
    """Return the zip for ``architecture``, built anew only when something it is made from changed.

    Raises PackageError, a sentence, when the packages cannot be had.
    """
    variant = Variant(architecture)
    stamp = variant.zip.with_suffix(".made-from")
    made_from = fingerprint(variant)
    if variant.zip.is_file() and stamp.is_file() and stamp.read_text() == made_from:
        return variant.zip
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=f".{architecture}-") as folder:
        tree = Path(folder, "tree")
        _install(variant, tree, say)
        trim(tree)
        shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        if variant.compiles:
            say("Compiling")
            _compile(tree)
        say("Zipping")
        packed = Path(folder, "package.zip")
        pack(tree, packed)
        stamp.unlink(missing_ok=True)  # a stop between the next two lines must not look finished
        packed.replace(variant.zip)
        stamp.write_text(made_from)
    say(f"{variant.zip.relative_to(ROOT)}: {variant.zip.stat().st_size / 1e6:.1f} MB")
    return variant.zip


def fingerprint(variant: Variant) -> str:
    """The SHA-256 of everything the zip is made from."""
    digest = hashlib.sha256(f"{variant} {variant.compiles} {sys.version}".encode())
    sources = (path for path in _files(PACKAGE) if "__pycache__" not in path.parts)
    for path in (LOCK, Path(__file__), *sources):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def trim(tree: Path) -> None:
    """Remove what the chat path never reads: other services' data, type stubs, tests, scripts."""
    data = tree / "botocore" / "data"
    services = {path.name for path in data.iterdir() if path.is_dir()} if data.is_dir() else set()
    if not services >= SERVICES:
        raise PackageError(
            f"botocore keeps its service data elsewhere than in {data.relative_to(tree)} now; "
            "commands/package.py must learn where before it may trim."
        )
    for name in services - SERVICES:
        shutil.rmtree(data / name)
    shutil.rmtree(tree / "bin", ignore_errors=True)  # a package may have made none
    for folder in [path for path in tree.rglob("*") if path.name in UNUSED_FOLDERS]:
        shutil.rmtree(folder)
    for path in list(_files(tree)):
        notes = path.name in INSTALLATION_NOTES and path.parent.suffix == ".dist-info"
        if notes or path.suffix == ".pyi":
            path.unlink()


def pack(tree: Path, target: Path) -> None:
    """Zip ``tree`` so that equal files give equal bytes: sorted, one date, fixed modes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in _files(tree):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, or the modes below are not read
            entry.external_attr = 0o100644 << 16
            packed.writestr(entry, path.read_bytes())


def _files(tree: Path) -> Iterator[Path]:
    return (path for path in sorted(tree.rglob("*")) if path.is_file())


def _install(variant: Variant, tree: Path, say: Callable[[str], None]) -> None:
    say(f"Fetching the packages for {variant.architecture}, each checked against its hash")
    options = ["--only-binary=:all:", "--no-compile", *variant.pip_options(), f"--target={tree}"]
    try:
        pip.install(sys.executable, LOCK, options, say)
    except pip.PipError as error:
        raise PackageError(
            f"pip could not install {LOCK.relative_to(ROOT)} for {variant.architecture}; it needs "
            f"a package index that has these wheels. pip said:\n{error}"
        ) from None


def _compile(tree: Path) -> None:
    """Write bytecode that is never checked against its source.

    /var/task is read-only, so without bytecode every cold start compiles everything again; and a
    date-checked file would be stale, for the zip's dates are fixed. The seed fixes the order of
    sets, which bytecode holds.
    """
    compiled = subprocess.run(
        [
            *(sys.executable, "-m", "compileall", "-q", "-j", "0", "-s", tree),
            *("--invalidation-mode", "unchecked-hash", tree),
        ],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if compiled.returncode != 0:
        raise PackageError(f"a package does not compile:\n{compiled.stdout[-2000:]}")


if __name__ == "__main__":
    run(main)
