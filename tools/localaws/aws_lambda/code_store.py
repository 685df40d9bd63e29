"""Function code on disk: each zip is unpacked once, beside the runtime interface client."""

from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tools.localaws.aws_lambda.python_runtime import PythonRuntime

# The runtime interface client and its imports. A function sees no other installed package, so a
# package that is missing from its zip is missing here too.
_CLIENT_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


@dataclass(frozen=True)
class UnpackedCode:
    """``root`` is LAMBDA_TASK_ROOT; ``bytecode`` is the folder for .pyc files, if Python may write any.

    Lambda's /var/task is read-only, so bytecode in the zip is used if it fits the Python version.
    If the zip has none, Python stores it beside the code, or each cold start would compile it again.
    """

    root: Path
    bytecode: Path | None


class CodeStore:
    """Unpacks into ``folder``, which the owner of the store removes; for one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unpacked: dict[str, UnpackedCode] = {}

    def host_runtime(self) -> PythonRuntime:
        """This Python with its runtime interface client, without other installed packages."""
        folder = self._folder / "runtime"
        if not folder.exists():
            folder.mkdir(parents=True)
            for source in map(_origin, _CLIENT_MODULES):
                (folder / source.name).symlink_to(source)
        return PythonRuntime(Path(sys.executable), folder)

    def unpack(self, code: bytes, digest: str) -> UnpackedCode:
        """The code of a zip whose SHA-256 is ``digest``; raises zipfile.BadZipFile if it is not a zip."""
        if digest not in self._unpacked:
            self._unpacked[digest] = _unpack(code, self._folder / digest)
        return self._unpacked[digest]


def _unpack(code: bytes, folder: Path) -> UnpackedCode:
    root = folder / "task"
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        archive.extractall(root)
    compiled = next(root.rglob("*.pyc"), None)
    return UnpackedCode(root, None if compiled else folder / "bytecode")


def _origin(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"Functions need {module}; install awslambdaric.")
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin
