"""Which Python compiles the zip, and what it says when there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tools.packaging import bytecode
from tools.packaging.variant import PackageError


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home and a PATH without any Python, and no way out for uv."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setattr(bytecode, "MANAGED", tmp_path / "managed")
    return tmp_path


def fake(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


def silent(line: str) -> None:
    pass


def test_this_python_compiles_for_its_own_version() -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"

    assert bytecode.compiler(here, silent) == Path(sys.executable)


def test_one_on_path_compiles_for_another(nothing_installed: Path) -> None:
    python = fake(nothing_installed / "python3.99", "echo cpython 3.99.1")

    assert bytecode.compiler("3.99", silent) == python


@pytest.mark.parametrize("says", ["exit 127", "echo pypy 3.99.1", "echo cpython 3.9.9"])
def test_a_command_that_is_no_such_python_is_passed_over(
    nothing_installed: Path, says: str
) -> None:
    fake(nothing_installed / "python3.99", says)
    pyenvs = fake(
        nothing_installed / ".pyenv/versions/3.99.0/bin/python3.99", "echo cpython 3.99.0"
    )

    assert bytecode.compiler("3.99", silent) == pyenvs


def test_without_one_the_build_stops_with_a_sentence(nothing_installed: Path) -> None:
    said: list[str] = []

    with pytest.raises(PackageError, match=r"bytecode of Python 3\.13, and there is no such"):
        bytecode.compiler("3.13" if sys.version_info[:2] != (3, 13) else "3.14", said.append)
    assert said == ["Fetching Python 3.13, whose bytecode the zip needs"]


def test_what_does_not_compile_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def")

    with pytest.raises(PackageError, match=r"does not compile:[\s\S]*broken\.py"):
        bytecode.compile_tree(tmp_path, Path(sys.executable))


def test_bytecode_is_read_without_looking_at_its_source(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1")
    bytecode.compile_tree(tmp_path, Path(sys.executable))

    (compiled,) = tmp_path.rglob("*.pyc")
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01  # PEP 552: by hash, unchecked
    assert os.fsencode(tmp_path) not in compiled.read_bytes()
