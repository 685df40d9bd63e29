"""Cuts the symbols and debugging data off shared libraries, for any processor on any host.

A library's loader reads the program headers and the segments they name, and nothing else; symbols
for a debugger lie behind them in the file. So the file is cut there, and its section table, which
would point behind the end, is taken out of the header. What is loaded stays byte for byte what the
wheel's author built: no linker or strip of the host's, of whatever version, has a hand in it.
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
    """Cut every ELF library in ``tree``; a Mac's own are left as they are. Raises PackageError."""
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
    """The library without what lies behind its last segment."""
    elf = ELFFile(BytesIO(library))
    end = max(segment["p_offset"] + segment["p_filesz"] for segment in elf.iter_segments())
    header = elf.header
    header["e_shoff"] = header["e_shnum"] = header["e_shstrndx"] = 0
    start: bytes = elf.structs.Elf_Ehdr.build(header)
    return start + library[len(start) : end]
