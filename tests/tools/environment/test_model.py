"""Reading an environment's data, and speaking of AWS."""

import shutil
from dataclasses import replace

import pytest

from tools.cli.console import CommandError
from tools.environment import model as environment


@pytest.mark.parametrize("name", ["local/", "../environments/local", "Local", "", "nowhere"])
def test_an_environment_is_a_folders_name_and_nothing_else(name):
    assert environment.load("local").name == "local"
    with pytest.raises(CommandError, match="No environment"):
        environment.load(name)


def test_a_folder_whose_tfvars_name_another_environment_is_refused(tmp_path, monkeypatch):
    for name in ("prod", "staging"):
        shutil.copytree(environment.ENVIRONMENTS / "prod", tmp_path / name)
    for declared in environment.ENVIRONMENTS.glob("*.tf"):
        shutil.copy(declared, tmp_path)
    monkeypatch.setattr(environment, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    assert environment.load("prod").name == "prod"
    with pytest.raises(CommandError, match='says environment = "prod"'):
        environment.load("staging")


def test_a_function_with_snapshots_is_invoked_by_the_alias_that_starts_from_one():
    prod = environment.load("prod")
    (account,) = prod.accounts
    assert prod.function_of(account) == "bedrock-prod-example"
    assert prod.function_of(replace(account, snap_start=True)) == "bedrock-prod-example:live"
