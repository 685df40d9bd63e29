"""The choice of the Python that compiles the zip, and the error if there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tools.packaging import bytecode
from tools.packaging.variant import PackageError


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home and a PATH without any Python, and uv without a network."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setattr(bytecode, "MANAGED", tmp_path / "managed")
    return tmp_path


def fake(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
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


@pytest.mark.parametrize("script", ["exit 127", "echo pypy 3.99.1", "echo cpython 3.9.9"])
def test_a_command_that_is_another_python_is_skipped(nothing_installed: Path, script: str) -> None:
    fake(nothing_installed / "python3.99", script)
    pyenvs = fake(
        nothing_installed / ".pyenv/versions/3.99.0/bin/python3.99", "echo cpython 3.99.0"
    )

    assert bytecode.compiler("3.99", silent) == pyenvs


def test_without_one_the_build_stops_with_a_sentence(nothing_installed: Path) -> None:
    progress: list[str] = []

    with pytest.raises(
        PackageError, match=r"bytecode of Python 3\.13, and this machine has no such"
    ):
        bytecode.compiler("3.13" if sys.version_info[:2] != (3, 13) else "3.14", progress.append)
    assert progress == ["Fetching Python 3.13, which compiles the zip's modules"]


def test_the_error_names_the_module_that_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def")

    with pytest.raises(PackageError, match=r"does not compile:[\s\S]*broken\.py"):
        bytecode.compile_tree(tmp_path, Path(sys.executable))


def test_bytecode_is_loaded_without_its_source(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1")
    bytecode.compile_tree(tmp_path, Path(sys.executable))

    (compiled,) = tmp_path.rglob("*.pyc")
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01  # PEP 552: by hash, unchecked
    assert os.fsencode(tmp_path) not in compiled.read_bytes()
