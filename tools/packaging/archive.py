"""Zips a tree so that equal files give equal bytes."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip cannot hold an earlier date


def pack(tree: Path, target: Path) -> None:
    """Zip ``tree``: sorted, one date, fixed modes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in files(tree):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, or the modes below are not read
            entry.external_attr = 0o100644 << 16
            packed.writestr(entry, path.read_bytes())


def files(tree: Path) -> Iterator[Path]:
    """Every file below ``tree``, in one order everywhere."""
    return (path for path in sorted(tree.rglob("*")) if path.is_file())
