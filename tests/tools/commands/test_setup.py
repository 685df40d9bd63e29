"""Which packages set-up installs."""

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
