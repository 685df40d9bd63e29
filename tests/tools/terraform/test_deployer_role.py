"""Rendering the deployer roles of many accounts from modules/customer-deployer."""

import copy
import json

import pytest

from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.terraform import deployer_role
from tools.terraform.deployer_role import deployer_roles


@pytest.fixture
def render(tmp_path, monkeypatch):
    """Render an environment's roles in a folder of the test's own; the second value is the progress."""
    monkeypatch.setattr(deployer_role, "FOLDER", tmp_path)

    def run(environment):
        lines = []
        return deployer_roles(environment, environment.accounts, lines.append), lines

    return run


def test_every_account_gets_the_role_of_its_own_stanza(render):
    environment = load_environment("local")
    roles, _ = render(environment)
    assert list(roles) == list(environment.accounts)
    for account, role in roles.items():
        external_id = environment.stanzas[account.tenant]["deployer"]["external_id"]
        (statement,) = json.loads(role.trust)["Statement"]
        assert statement["Condition"]["StringEquals"]["sts:ExternalId"] == external_id
        assert f":{account.account_id}:function:bedrock-local-{account.tenant}" in role.permissions


def test_terraform_runs_again_only_after_a_change(render):
    environment = load_environment("local")
    _, first_progress = render(environment)
    _, second_progress = render(environment)
    changed = copy.deepcopy(environment)
    changed.stanzas["acme"]["deployer"]["external_id"] = "another-external-id-of-acme"
    roles, third_progress = render(changed)
    assert (len(first_progress), len(second_progress), len(third_progress)) == (1, 0, 1)
    assert "another-external-id-of-acme" in roles[changed.accounts[0]].trust


def test_a_refusal_shows_no_external_id(render):
    environment = copy.deepcopy(load_environment("local"))
    environment.stanzas["acme"]["deployer"]["external_id"] = "1caef3c2a7cf472e ec73b3cb7ff8d250"
    with pytest.raises(CommandError, match='external_id is "\\(an ExternalId of acme\\)"'):
        render(environment)


def test_only_the_accounts_that_changed_are_rendered_again(render, tmp_path):
    environment = load_environment("local")
    render(environment)
    before = {*tmp_path.iterdir()}
    assert len(before) == len(environment.accounts)
    changed = copy.deepcopy(environment)
    changed.stanzas["acme"]["deployer"]["external_id"] = "another-external-id-of-acme"
    render(changed)
    of_acme = [account for account in changed.accounts if account.tenant == "acme"]
    assert len({*tmp_path.iterdir()} - before) == len(of_acme)


def test_accounts_are_rendered_in_plans_of_a_limited_number(render, monkeypatch):
    environment = load_environment("local")
    together, _ = render(environment)
    monkeypatch.setattr(deployer_role, "MODULE", deployer_role.MODULE / "policies")  # other files
    monkeypatch.setattr(deployer_role, "BATCH", 1)
    singly, progress = render(environment)
    assert singly == together
    assert len(progress) == len(environment.accounts)
    assert progress[1] == f"1 of {len(environment.accounts)} deployer roles rendered"


def test_a_data_directory_of_the_caller_is_left_alone(render, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_DATA_DIR", str(tmp_path / "of-the-caller"))
    roles, _ = render(load_environment("local"))
    assert roles
    assert not (tmp_path / "of-the-caller").exists()


def test_an_environment_without_customer_accounts_needs_no_terraform(render):
    environment = load_environment("local")
    assert deployer_roles(environment, [], print) == {}
