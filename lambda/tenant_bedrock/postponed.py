"""Import a package without running its ``__init__``, until one of its names is needed.

``import a.b`` runs ``a/__init__.py`` first, and some packages import all of their modules there. The
code of a postponed package runs on the first access to a name that it does not have yet (PEP 562),
so ``from a import X`` works as usual and its submodules can be imported at any time. Postponing a
package that does not exist or is not imported has no effect.
"""

from __future__ import annotations

import importlib.abc
import sys
import threading
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


def install(*packages: str) -> None:
    """Postpone ``packages`` in this process, unless they have been imported already."""
    sys.meta_path.insert(0, _Finder(packages))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = frozenset(packages)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find one of the packages as Python would, and change only when its code runs."""
        if fullname not in self._packages:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Postponing(spec.loader)
        return spec


class _Postponing(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        lock = threading.RLock()
        has_begun = False

        def run_and_get(name: str) -> Any:  # noqa: ANN401 - whatever the package defines
            nonlocal has_begun
            with lock:
                if not has_begun:
                    has_begun = True
                    try:
                        self._loader.exec_module(module)
                    except BaseException:
                        has_begun = False  # so that the next access raises the error again
                        raise
                    if module.__dict__["__getattr__"] is run_and_get:
                        del module.__dict__["__getattr__"]
            if (
                module.__dict__.get("__getattr__") is run_and_get
            ):  # a circular access while its code runs
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            return getattr(module, name)

        module.__dict__["__getattr__"] = run_and_get
