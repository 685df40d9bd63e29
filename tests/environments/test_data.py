import re

import pytest

from tests.terraform import ENVIRONMENTS
from tools.environment.hcl import read_hcl
from tools.environment.unknown_keys import repeated_keys, unknown_keys

NAMES = sorted(path.parent.name for path in ENVIRONMENTS.glob("*/terraform.tfvars"))


def data(name):
    return read_hcl(ENVIRONMENTS / name / "terraform.tfvars")


def test_there_are_three_environments():
    assert NAMES == ["dev", "local", "prod"]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_one_that_terraform_reads(name):
    tfvars = ENVIRONMENTS / name / "terraform.tfvars"
    assert repeated_keys(tfvars.read_text()) == []
    assert unknown_keys(data(name), ENVIRONMENTS / "variables.tf") == []


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_has_its_folders_name(name):
    assert data(name)["environment"] == name


@pytest.mark.parametrize("name", NAMES)
def test_state_is_locked_in_a_bucket_of_the_operations_account(name):
    operations = data(name)["operations"]
    backend = read_hcl(ENVIRONMENTS / name / "backend.hcl")
    account, region = operations["account_id"], operations["region"]
    assert backend["bucket"] == f"bedrock-{name}-state-{account}-{region}-an"
    assert backend["region"] == region
    assert backend["allowed_account_ids"] == [account]
    assert backend["use_lockfile"] is True


def test_external_ids_are_minted_and_used_in_one_environment_only():
    minted = [
        external_id
        for name in NAMES
        for tenant in data(name)["tenants"].values()
        for external_id in (tenant["external_ids"]["current"], tenant["deployer"]["external_id"])
    ]
    assert len(minted) == len(set(minted))
    assert all(re.fullmatch(r"[0-9a-f]{32}", external_id) for external_id in minted)


def test_the_local_environment_has_three_tenants_one_of_them_with_two_accounts():
    tenants = data("local")["tenants"]
    assert {name: sorted(tenant["accounts"]) for name, tenant in tenants.items()} == {
        "acme": ["222222222222"],
        "globex": ["333333333333", "444444444444"],
        "initech": ["555555555555"],
    }
