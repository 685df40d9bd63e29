"""Builds the Lambda zip from the hash-locked packages, without Docker.

The variants arm64 and x86_64 run on AWS. The variant ``host`` is for this machine and runs in the local AWS.
Equal inputs give equal bytes, so Terraform only sees a change when something has changed.
The SBOM is written beside the zip.

The guard of the operations account has a zip of its own, without packages.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools import packaging
from tools.packaging import archive, bytecode, pip, sbom
from tools.packaging.exclusive import exclusive
from tools.packaging.strip import strip
from tools.packaging.trim import trim
from tools.packaging.variant import HOST_PYTHON, RUNTIME, PackageError, Variant
from tools.paths import BUILD, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = ROOT / "lambda" / "requirements.txt"
PACKAGE = ROOT / "lambda" / "tenant_bedrock"
GUARD = ROOT / "lambda" / "operations_guard"


def build(architecture: str, progress: Callable[[str], None], release: str = HOST_PYTHON) -> Path:
    """Return the zip for ``architecture``; build it only if one of its inputs has changed.

    ``release`` is the Python version that the architecture ``host`` is built for. Other processes that
    build wait meanwhile.

    Raises:
        PackageError: The packages or a compiler are not available, or a package has a new layout.
    """
    with exclusive(BUILD / ".lock"):
        return _build(Variant(architecture, release), progress)


def build_guard() -> Path:
    """Return the zip of the guard, which is the same for every architecture and takes no time to build.

    Its only packages are those that Lambda's Python runtime has, which is boto3 with what it depends on:
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included
    """
    zip_file = BUILD / f"operations-guard-py{RUNTIME}.zip"
    BUILD.mkdir(parents=True, exist_ok=True)
    # Without the lock: whoever else builds it makes the same bytes, and puts them in place at once.
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=".operations-guard-") as folder:
        tree, new_zip = Path(folder, "tree"), Path(folder, zip_file.name)
        shutil.copytree(GUARD, tree / GUARD.name, ignore=shutil.ignore_patterns("__pycache__"))
        archive.pack(tree, new_zip)
        new_zip.replace(zip_file)
    return zip_file


def _build(variant: Variant, progress: Callable[[str], None]) -> Path:
    zip_file = BUILD / f"{variant.name}.zip"
    stamp = zip_file.with_suffix(".made-from")
    python = bytecode.compiler(variant.python, progress)
    inputs = fingerprint(variant, python)
    if zip_file.is_file() and stamp.is_file() and stamp.read_text() == inputs:
        return zip_file
    stamp.unlink(missing_ok=True)  # an interrupted build must not look complete
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=f".{variant.name}-") as folder:
        tree = Path(folder, "tree")
        wheels = _install(variant, tree, progress)
        trim(tree)
        strip(tree)
        shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        progress("Compiling")
        bytecode.compile_tree(tree, python)
        progress("Zipping")
        new_zip = Path(folder, zip_file.name)
        archive.pack(tree, new_zip)
        document = sbom.document(tree, new_zip, bytecode.version(python), wheels)
        zip_file.with_suffix(".sbom.json").write_text(document)
        new_zip.replace(zip_file)
        stamp.write_text(inputs)
    progress(f"{zip_file.relative_to(ROOT)}: {zip_file.stat().st_size / 1e6:.1f} MB")
    return zip_file


def fingerprint(variant: Variant, python: Path) -> str:
    """Return the SHA-256 of the zip's inputs: the lock, the sources, the steps and both Pythons."""
    digest = hashlib.sha256(f"{variant} {bytecode.version(python)} {sys.version}".encode())
    steps = Path(packaging.__file__).parent
    files = [path for folder in (PACKAGE, steps) for path in archive.files(folder)]
    sources = [path for path in files if path.parent.name != "__pycache__"]
    for path in (LOCK, Path(__file__), *sources):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _install(variant: Variant, tree: Path, progress: Callable[[str], None]) -> dict[str, str]:
    """Install the locked packages into ``tree``, and return the SHA-256 of each package's wheel."""
    progress(f"Fetching the packages for {variant.architecture} and checking their hashes")
    options = ["--only-binary=:all:", "--no-compile", *variant.pip_options(), f"--target={tree}"]
    try:
        return pip.install(sys.executable, LOCK, options, progress)
    except pip.PipError as error:
        raise PackageError(
            f"pip could not install {LOCK.relative_to(ROOT)} for {variant.architecture}; it needs "
            f"a package index that has these wheels. pip printed:\n{error}"
        ) from None
