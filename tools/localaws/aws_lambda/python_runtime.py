"""The Python that runs a function: an interpreter, and what it has besides its own library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class PythonRuntime:
    """``client`` is a folder with the runtime interface client and its imports, and nothing else."""

    interpreter: Path
    client: Path
