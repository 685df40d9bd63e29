"""`make bench ONLY=prove`: that it proves plans in which no two tenants are alike."""

import json
import subprocess

import pytest

from commands.benchmarks.prove import each_with_a_profile
from commands.environment import ROOT


@pytest.fixture(scope="module")
def small():
    """One small run, as a person starts it; another's figures are left as they were."""
    file = ROOT / "build" / "bench" / "prove.json"
    kept = file.read_text() if file.is_file() else None
    run = subprocess.run(
        ["make", "bench", "ONLY=prove", "SIZES=2,3", "RUNS=1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    yield run.stdout, json.loads(file.read_text())
    if kept is not None:
        file.write_text(kept)


def test_every_size_is_proved_and_timed(small):
    printed, figures = small
    assert [(one["variant"], one["tenants"]) for one in figures["measured"]] == [
        ("proof", 2),
        ("proof", 3),
    ]
    assert "not measured: 1,000 tenants are proved in at most 15 s" in printed


def test_each_tenants_permissions_name_it():
    data = each_with_a_profile(3)
    assert all(its["models"]["nova"]["track"] for its in data["tenants"].values())
    assert data["limits"]["inference_profiles"] >= 3
