"""Stripping leaves the segments that a loader maps unchanged and removes symbols for debuggers."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tools.packaging import build as package
from tools.packaging.strip import cut, strip
from tools.packaging.variant import PackageError

# A 64-bit library for another processor: a header, one segment of 16 bytes, and a symbol table.
HEADER = (
    b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00\x01\x00\x00\x00" + bytes(8)
    + (64).to_bytes(8, "little") + (136).to_bytes(8, "little") + bytes(4)
    + b"\x40\x00\x38\x00\x01\x00\x40\x00\x01\x00\x00\x00"
)  # fmt: skip
SEGMENT = (
    (1).to_bytes(4, "little") + (5).to_bytes(4, "little") + (120).to_bytes(8, "little")
    + bytes(16) + (16).to_bytes(8, "little") * 2 + (4096).to_bytes(8, "little")
)  # fmt: skip
LIBRARY = HEADER + SEGMENT + b"sixteen of code!" + b"\0" * 64 + b"symbols"


def segments(library: bytes) -> list[bytes]:
    """The segments without the file's header, which is part of the first one."""
    elf = ELFFile(BytesIO(library))
    return [
        library[max(64, segment["p_offset"]) : segment["p_offset"] + segment["p_filesz"]]
        for segment in elf.iter_segments()
    ]


def test_cuts_a_library_of_another_processor() -> None:
    small = cut(LIBRARY)

    assert small.endswith(b"sixteen of code!")
    assert segments(small) == segments(LIBRARY)
    elf = ELFFile(BytesIO(small))
    assert (elf["e_machine"], elf.num_sections()) == ("EM_AARCH64", 0)


def test_cutting_twice_changes_nothing() -> None:
    assert cut(cut(LIBRARY)) == cut(LIBRARY)


def test_leaves_other_libraries_unchanged(tmp_path: Path) -> None:
    (tmp_path / "mac.so").write_bytes(b"\xcf\xfa\xed\xfe")

    strip(tmp_path)

    assert (tmp_path / "mac.so").read_bytes() == b"\xcf\xfa\xed\xfe"


def test_stops_at_a_broken_library(tmp_path: Path) -> None:
    (tmp_path / "broken.so").write_bytes(LIBRARY[:40])

    with pytest.raises(PackageError, match=r"broken\.so is not a library that can be stripped"):
        strip(tmp_path)


def test_the_wheels_own_libraries_keep_every_segment(tmp_path: Path) -> None:
    with zipfile.ZipFile(package.build("host", lambda _: None)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".so")]
        small = {name: archive.read(name) for name in names}

    assert len(small) >= 3
    for name, library in small.items():
        spec = importlib.util.find_spec(name.partition("/")[0])
        assert spec is not None
        assert spec.origin is not None
        whole = (Path(spec.origin).parent.parent / name).read_bytes()
        if sys.platform == "linux":
            assert segments(library) == segments(whole)
            assert ELFFile(BytesIO(library)).num_sections() == 0
        else:
            assert library == whole
