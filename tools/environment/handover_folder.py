"""Writes the folder that `make handover` makes, and replaces in it only what an earlier hand-over wrote.

Someone may have applied the root in this folder, where Terraform then keeps its state, its lock file and .terraform.
SHA256SUMS tells what the hand-over wrote and nobody changed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.paths import BUILD, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SUMS = "SHA256SUMS"  # what sha256sum prints: a hash, two spaces, a path


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` by their paths, and SHA256SUMS; remove what an earlier hand-over wrote and this one does not.

    Everything else in the folder stays. Raises CommandError, before anything is written, when a file of the
    hand-over was changed, or something else stands in its place.
    """
    try:
        sums = _read_sums(folder)
        if obstacles := sorted(_obstacles(folder, files, sums)):
            raise CommandError(
                f"{relative_path(folder)} was not changed, because `make handover` replaces only what it wrote and "
                "nobody changed. Move these away, keep what you need of them, and run the command again: "
                f"{', '.join(obstacles)}."
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            _replace(folder / name, content)
        for name in sorted(sums.keys() - files.keys()):
            (folder / name).unlink(missing_ok=True)
        lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
        _replace(folder / SUMS, "".join(lines).encode())
    except OSError as error:
        raise CommandError(
            f"{relative_path(folder)} cannot be written: {error.strerror or error}. Check the permissions of the "
            "folder and the free space, and run the command again."
        ) from None


def relative_path(folder: Path) -> str:
    """Return the folder's path as a user of the checkout writes it."""
    return str(folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder)


def _replace(file: Path, content: bytes) -> None:
    """Write a file in one step, so that an interrupted command leaves no half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    partial.write_bytes(content)
    partial.replace(file)


def _read_sums(folder: Path) -> dict[str, str]:
    """Return the hash of each file of the earlier hand-over by its path; nothing when there was none."""
    file = folder / SUMS
    if file.is_symlink() or not file.is_file():
        return {}
    lines = file.read_text(errors="replace").splitlines()
    pairs = (line.split("  ", 1) for line in lines if "  " in line)
    # A path that leads out of the folder is none that a hand-over wrote.
    return {
        name: sha256
        for sha256, name in pairs
        if name and not name.startswith("/") and ".." not in name.split("/")
    }


def _obstacles(folder: Path, files: Mapping[str, bytes], sums: Mapping[str, str]) -> Iterator[str]:
    """Yield the path of everything that would have to be replaced or removed and that no hand-over wrote."""
    upper = [path for path in (folder, *folder.parents) if BUILD in path.parents] or [folder]
    if outside := next((path for path in reversed(upper) if not _is_folder_or_free(path)), None):
        yield relative_path(outside)
        return
    in_the_way = set()
    for name in {*files, *sums}:
        path = folder / name
        parents = [parent for parent in path.parents if folder in parent.parents]
        blocked = next((each for each in reversed(parents) if not _is_folder_or_free(each)), None)
        if blocked is not None:
            in_the_way.add(blocked)
        elif (path.is_symlink() or path.exists()) and not _may_be_replaced(
            path, sums.get(name), files.get(name)
        ):
            in_the_way.add(path)
    sums_file = folder / SUMS
    if sums_file.is_symlink() or (sums_file.exists() and not sums_file.is_file()):
        in_the_way.add(sums_file)
    yield from (relative_path(path) for path in in_the_way)


def _is_folder_or_free(path: Path) -> bool:
    """Return whether a folder of this path exists or can be made; a link could lead anywhere."""
    return not path.is_symlink() and (path.is_dir() or not path.exists())


def _may_be_replaced(path: Path, sha256: str | None, content: bytes | None) -> bool:
    """Return whether a file is as the earlier hand-over wrote it, or as this one writes it."""
    if path.is_symlink() or not path.is_file():
        return False
    present = path.read_bytes()
    return present == content or hashlib.sha256(present).hexdigest() == sha256
