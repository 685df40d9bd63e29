"""`make bench ONLY=prove`: that it proves plans in which no two tenants are alike."""

import pytest

from tools.bench.proof_time import each_with_a_profile


@pytest.fixture(scope="module")
def small(run_small):
    return run_small("prove", "SIZES=2,3")


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
