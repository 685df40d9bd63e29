"""Reading an environment's data."""

import shutil
from dataclasses import replace

import pytest

from tools.command_error import CommandError
from tools.environment import model
from tools.environment.model import load_environment
from tools.paths import ENVIRONMENTS


@pytest.mark.parametrize("name", ["local/", "../environments/local", "Local", "", "nowhere"])
def test_an_environment_is_a_folders_name_and_nothing_else(name):
    assert load_environment("local").name == "local"
    with pytest.raises(CommandError, match="There is no environment"):
        load_environment(name)


def test_a_folder_whose_tfvars_name_another_environment_is_refused(tmp_path, monkeypatch):
    for name in ("prod", "staging"):
        shutil.copytree(ENVIRONMENTS / "prod", tmp_path / name)
    for file in ENVIRONMENTS.glob("*.tf"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(model, "ENVIRONMENTS", tmp_path)
    assert load_environment("prod").name == "prod"
    with pytest.raises(CommandError, match='says environment = "prod"'):
        load_environment("staging")


def test_a_file_that_does_not_name_its_environment_is_refused(tmp_path, monkeypatch):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "terraform.tfvars").write_text("")
    for file in ENVIRONMENTS.glob("*.tf"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(model, "ENVIRONMENTS", tmp_path)

    with pytest.raises(CommandError, match='does not say which .*; write environment = "dev"'):
        load_environment("dev")


def test_a_function_with_snapshots_is_invoked_by_the_alias_that_starts_from_one():
    prod = load_environment("prod")
    (account,) = prod.accounts
    assert prod.function_name(account) == "bedrock-prod-example"
    assert prod.function_name(replace(account, snap_start=True)) == "bedrock-prod-example:live"
