"""`make bench ONLY=prove` proves plans in which no two tenants have equal policies."""

import pytest

from tools.bench.proof_time import variables_with_profiles


@pytest.fixture(scope="module")
def small(run_small):
    return run_small("prove", "SIZES=2,3")


def test_every_size_is_proved_and_timed(small):
    output, figures = small
    assert [figure["name"] for figure in figures["figures"]] == ["2 tenants", "3 tenants"]
    assert all(figure["median"]["ours"] > 0 for figure in figures["figures"])
    assert "3 tenants" in output


def test_each_tenants_permissions_name_it():
    data = variables_with_profiles(3)
    assert all(tenant["models"]["nova"]["track"] for tenant in data["tenants"].values())
    assert data["limits"]["inference_profiles"] >= 3
