"""Builds the Lambda zip from the hash-locked packages, without Docker.

Two variants run on AWS (arm64, x86_64); ``host`` is for this machine's Python and runs in the local
cloud. The same inputs give the same bytes, so Terraform sees a change only when there is one. Beside
the zip lie its contents with licences, and its SBOM.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools import packaging
from tools.packaging import archive, bytecode, contents, pip
from tools.packaging.strip import strip
from tools.packaging.trim import trim
from tools.packaging.variant import PackageError, Variant
from tools.paths import BUILD, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = ROOT / "lambda" / "requirements.txt"
PACKAGE = ROOT / "lambda" / "tenant_bedrock"


def build(architecture: str, say: Callable[[str], None]) -> Path:
    """Return the zip for ``architecture``, built anew only when something it is made from changed.

    Raises PackageError, a sentence, when the packages or a compiler cannot be had, or when a
    package is not laid out as it was.
    """
    variant = Variant(architecture)
    made = BUILD / f"{variant.name}.zip"
    stamp = made.with_suffix(".made-from")
    python = bytecode.compiler(variant.python, say)
    made_from = fingerprint(variant, python)
    if made.is_file() and stamp.is_file() and stamp.read_text() == made_from:
        return made
    BUILD.mkdir(exist_ok=True)
    stamp.unlink(missing_ok=True)  # a stop on the way must not look finished
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=f".{architecture}-") as folder:
        tree = Path(folder, "tree")
        _install(variant, tree, say)
        trim(tree)
        strip(tree)
        shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        say("Compiling")
        bytecode.compile_tree(tree, python)
        say("Zipping")
        packed = Path(folder, made.name)
        archive.pack(tree, packed)
        compiled_by = bytecode.version(python)
        made.with_suffix(".contents.json").write_text(contents.manifest(tree, packed, compiled_by))
        made.with_suffix(".sbom.json").write_text(contents.sbom(tree, packed))
        packed.replace(made)
        stamp.write_text(made_from)
    say(f"{made.relative_to(ROOT)}: {made.stat().st_size / 1e6:.1f} MB")
    return made


def fingerprint(variant: Variant, python: Path) -> str:
    """The SHA-256 of everything the zip is made from, and by."""
    digest = hashlib.sha256(f"{variant} {bytecode.version(python)} {sys.version}".encode())
    steps = Path(packaging.__file__).parent
    sources = [path for folder in (PACKAGE, steps) for path in sorted(folder.rglob("*"))]
    written = [path for path in sources if path.is_file() and path.parent.name != "__pycache__"]
    for path in (LOCK, Path(__file__), *written):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


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
