"""Which packages set-up installs."""

import hashlib
import sys

import pytest

from tools.commands import setup


@pytest.mark.parametrize(
    ("group", "lock"),
    [
        (None, "requirements-dev.txt"),
        ("development", "requirements-dev.txt"),
        ("operation", "requirements.txt"),
    ],
)
def test_dependencies_chooses_the_lock_file(monkeypatch, group, lock):
    monkeypatch.delenv("DEPENDENCIES", raising=False)
    if group:
        monkeypatch.setenv("DEPENDENCIES", group)
    assert setup._lock().name == lock


def test_an_unknown_group_is_refused_with_the_known_ones(monkeypatch):
    monkeypatch.setenv("DEPENDENCIES", "all")
    with pytest.raises(setup.SetupError, match="write one of operation, development"):
        setup._lock()


def test_another_checkouts_environment_is_not_emptied(tmp_path, monkeypatch):
    others = tmp_path / "other"
    others.mkdir()
    (others / "python").write_text("theirs")
    lock = tmp_path / "lock.txt"
    lock.write_text("package==1")
    link = tmp_path / ".venv"
    link.symlink_to(others)
    monkeypatch.setattr(setup, "VENV", link)
    with pytest.raises(setup.SetupError, match=r"\.venv is a symbolic link .* remove the link"):
        setup._make_virtual_environment(lock)
    assert (others / "python").read_text() == "theirs"

    fingerprint = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    (others / ".made-from").write_text(fingerprint)
    setup._make_virtual_environment(lock)
    assert (others / "python").read_text() == "theirs"
