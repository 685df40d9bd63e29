"""Function code on disk: each zip is unpacked once, beside the runtime interface client."""

from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.localaws.aws_lambda.python_runtime import PythonRuntime

if TYPE_CHECKING:
    from collections.abc import Sequence

# The runtime interface client and its imports. A function sees no other installed package, so a
# package that is missing from its zip is missing here too.
_CLIENT_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
# What Lambda's Python has beside them, for a zip without a botocore of its own. It is not given to the others, which
# must not lack a part of their own.
# https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-dependencies
_SDK_MODULES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")


@dataclass(frozen=True)
class UnpackedCode:
    """``root`` is LAMBDA_TASK_ROOT; ``bytecode`` is the folder for .pyc files, if Python may write any.

    ``sdk`` is a folder with boto3, if the zip has none.

    Lambda's /var/task is read-only, so bytecode in the zip is used if it fits the Python version.
    If the zip has none, Python stores it beside the code, or each cold start would compile it again.
    """

    root: Path
    bytecode: Path | None
    sdk: Path | None


class CodeStore:
    """Unpacks into ``folder``, which the owner of the store removes; for one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unpacked: dict[str, UnpackedCode] = {}

    def host_runtime(self) -> PythonRuntime:
        """This Python with its runtime interface client, without other installed packages."""
        return PythonRuntime(Path(sys.executable), self._linked("runtime", _CLIENT_MODULES))

    def unpack(self, code: bytes, digest: str) -> UnpackedCode:
        """The code of a zip whose SHA-256 is ``digest``; raises zipfile.BadZipFile if it is not a zip."""
        if digest not in self._unpacked:
            unpacked = _unpack(code, self._folder / digest)
            if not (unpacked.root / "botocore").exists():
                unpacked = replace(unpacked, sdk=self._linked("sdk", _SDK_MODULES))
            self._unpacked[digest] = unpacked
        return self._unpacked[digest]

    def _linked(self, name: str, modules: Sequence[str]) -> Path:
        """A folder with nothing but these modules of this Python."""
        folder = self._folder / name
        if not folder.exists():
            folder.mkdir(parents=True)
            for source in map(_origin, modules):
                (folder / source.name).symlink_to(source)
        return folder


def _unpack(code: bytes, folder: Path) -> UnpackedCode:
    root = folder / "task"
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        archive.extractall(root)
    compiled = next(root.rglob("*.pyc"), None)
    return UnpackedCode(root, None if compiled else folder / "bytecode", None)


def _origin(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"Functions need {module}; install awslambdaric.")
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin
