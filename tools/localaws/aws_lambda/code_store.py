"""A function's code on disk: each zip unpacked once, and the runtime interface client beside it."""

from __future__ import annotations

import importlib.util
import io
import sys
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

# The runtime interface client and what it imports; nothing else of this Python's packages is
# seen by a function, so that a package missing from its zip is missing here too.
_CLIENT_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


@dataclass(frozen=True)
class UnpackedCode:
    """``root`` is LAMBDA_TASK_ROOT; ``bytecode`` is where Python may keep its .pyc, if anywhere.

    Lambda's /var/task is read-only. Bytecode in the zip is used if it is of this Python's version;
    if not, it is kept beside the code, or each cold start would compile everything again.
    """

    root: Path
    bytecode: Path | None


class CodeStore:
    """Unpacks into ``folder``, which its owner removes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unpacked: dict[str, UnpackedCode] = {}
        self._lock = threading.Lock()

    @property
    def runtime(self) -> Path:
        """LAMBDA_RUNTIME_DIR: the runtime interface client, without its neighbours."""
        folder = self._folder / "runtime"
        with self._lock:
            if not folder.exists():
                folder.mkdir(parents=True)
                for name in _CLIENT_MODULES:
                    source = _origin(name)
                    (folder / source.name).symlink_to(source)
        return folder

    def unpack(self, code: bytes, digest: str) -> UnpackedCode:
        """The code of a zip whose SHA-256 is ``digest``; zipfile.BadZipFile when it is none."""
        with self._lock:
            if digest not in self._unpacked:
                self._unpacked[digest] = _unpack(code, self._folder / digest)
            return self._unpacked[digest]


def _unpack(code: bytes, folder: Path) -> UnpackedCode:
    root = folder / "task"
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        archive.extractall(root)
    compiled = next(root.rglob(f"*.{sys.implementation.cache_tag}.pyc"), None)
    return UnpackedCode(root, None if compiled else folder / "bytecode")


def _origin(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{module} is needed to run functions: install awslambdaric.")
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin
