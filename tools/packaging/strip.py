"""Removes symbols and debugging data from shared libraries, for any processor and on any host.

The loader of a library reads the program headers and the segments that they name, and nothing else.
The symbols for debuggers come after the last segment. So each file is cut there, and the reference to
its section table, which lies past the cut, is removed from its header. The segments stay byte for
byte as the wheel's author built them, and the result does not depend on the host's binutils.
https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from tools.packaging.variant import PackageError

if TYPE_CHECKING:
    from pathlib import Path

ELF = b"\x7fELF"


def strip(tree: Path) -> None:
    """Cut every ELF library in ``tree``; the libraries of a Mac stay unchanged.

    Raises:
        PackageError: A library is damaged.
    """
    for path in sorted(tree.rglob("*.so*")):
        library = path.read_bytes()
        if library.startswith(ELF):
            try:
                path.write_bytes(cut(library))
            except ELFError as error:
                raise PackageError(
                    f"{path.relative_to(tree)} is not a library that can be stripped: {error}."
                ) from None


def cut(library: bytes) -> bytes:
    """Return the library without the bytes after its last segment."""
    elf = ELFFile(BytesIO(library))
    end = max(segment["p_offset"] + segment["p_filesz"] for segment in elf.iter_segments())
    header = elf.header
    header["e_shoff"] = header["e_shnum"] = header["e_shstrndx"] = 0
    start: bytes = elf.structs.Elf_Ehdr.build(header)
    return start + library[len(start) : end]
