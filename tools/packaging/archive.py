"""Zips a folder reproducibly: equal files give equal bytes."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold


def pack(tree: Path, target: Path) -> None:
    """Zip ``tree`` with sorted names, one date and fixed modes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files(tree):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix; unzip ignores the modes of other systems
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())


def files(tree: Path) -> Iterator[Path]:
    """Yield every file below ``tree``, in the same order on every machine."""
    return (path for path in sorted(tree.rglob("*")) if path.is_file())
