"""Locked packages are installed once for each Python, in a folder of their own."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tools.packaging import bytecode, installed
from tools.packaging.variant import RUNTIME, PackageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(installed, "WORK", tmp_path)
    return tmp_path


def test_they_are_for_the_python_that_was_named_and_installed_once(work: Path) -> None:
    progress: list[str] = []

    def install(_: int) -> Path:
        return installed.install(installed.CLIENT_LOCK, RUNTIME, progress.append)

    with ThreadPoolExecutor() as callers:
        (folder,) = set(callers.map(install, range(3)))

    assert [line for line in progress if line.startswith("Installing")] == [
        f"Installing tools/localaws/requirements.txt for Python {RUNTIME}"
    ]
    run = subprocess.run(
        [bytecode.compiler(RUNTIME, progress.append), "-S", "-c", "import runtime_client"],
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")  # it is a shared library for this version


def test_the_error_names_the_lock_and_the_python(
    work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = tmp_path / "lock" / "requirements.txt"
    lock.parent.mkdir()
    lock.write_text("no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(installed, "ROOT", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(
        PackageError, match=r"could not install lock/requirements\.txt for Python 3\.13"
    ):
        installed.install(lock, RUNTIME, lambda _: None)
    assert not [path for path in work.rglob("*py3.13") if path.is_dir()]
