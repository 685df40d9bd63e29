"""`make prove ENV=all`: the stanzas of all environments are compared, and each environment is proved for itself."""

import json
import shutil
import socket

import pytest

from tests.terraform import ENVIRONMENTS
from tests.tools.isolation.environment_mutants import CUSTOMER, KEY, variables
from tools.command_error import CommandError
from tools.commands import prove
from tools.environment import model
from tools.environment.hcl import hcl_attributes
from tools.paths import ROOT

SECRET = "current-in-prod"


class Folder:
    """A folder of environments, and the command over them."""

    def __init__(self, path, monkeypatch, capsys):
        self.path, self.monkeypatch, self.capsys = path, monkeypatch, capsys

    def write(self, name, content, bucket=None):
        (self.path / name).mkdir(exist_ok=True)
        text = content if isinstance(content, str) else hcl_attributes(content)
        (self.path / name / "terraform.tfvars").write_text(text)
        account = content["operations"]["account_id"] if isinstance(content, dict) else ""
        backend = (
            f'allowed_account_ids = ["{account}"]\nbucket = "{bucket or f"state-of-{name}"}"\n'
        )
        (self.path / name / "backend.hcl").write_text(backend)

    def run(self, *options, env="all"):
        """The exit code, the standard output and the errors; the certificates are taken away again."""
        self.monkeypatch.setattr("sys.argv", ["prove", f"--env={env}", *options])
        before = set((ROOT / "build" / "proof").glob("all-*"))
        try:
            code = prove.main()
        finally:
            for folder in set((ROOT / "build" / "proof").glob("all-*")) - before:
                self.certificate = (folder / "certificate.md").read_text()
                shutil.rmtree(folder)
        printed = self.capsys.readouterr()
        return code, " ".join(printed.out.split()), " ".join(printed.err.split())


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    for file in ENVIRONMENTS.glob("variables*.tf"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(model, "ENVIRONMENTS", tmp_path)
    folder = Folder(tmp_path, monkeypatch, capsys)
    folder.write("dev", variables("dev", "111111111111", "222222222222"))
    folder.write("prod", variables("prod", "666666666666", CUSTOMER))
    return folder


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the command opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_environments_that_share_nothing_are_proved_without_aws(folder, no_network):
    code, printed, errors = folder.run("--offline")
    assert (code, "Proved in" in printed) == (0, True)
    assert "all environments ExternalId 6 6" in printed
    assert (
        "6 ExternalIds, 4 accounts, 12 roles, 8 principals, 4 networks, 2 state buckets" in printed
    )
    assert "Compared: dev, prod; local" in errors
    assert "# Proved: tenant isolation in the environment all" in folder.certificate
    assert "Separate environments: No two environments share" in folder.certificate


def test_what_is_shared_is_refuted_by_name_until_both_say_so(folder, no_network):
    dev = variables("dev", "111111111111", "222222222222")
    dev["deployer_role_name"] = "deployer-of-dev"
    dev["tenants"]["acme"]["accounts"] = {CUSTOMER: {}}
    dev["tenants"]["acme"]["external_ids"]["current"] = SECRET
    folder.write("dev", dev)
    code, printed, _ = folder.run("--offline")
    assert code == 1
    assert "Not proved in" in printed
    assert (
        f"dev and prod, shared account: account {CUSTOMER} is an account of acme in dev and an account of acme in "
        f"prod; use another, or list it in {KEY} of dev and prod"
    ) in printed
    assert "shared ExternalId: one ExternalId is that of acme's role in dev" in printed
    assert "all environments ExternalId 6 5" in printed
    assert SECRET not in printed + folder.certificate
    dev["tenants"]["acme"]["external_ids"]["current"] = "current-in-dev"
    dev[KEY] = [CUSTOMER]
    folder.write("dev", dev)
    folder.write("prod", {**variables("prod", "666666666666", CUSTOMER), KEY: [CUSTOMER]})
    code, printed, _ = folder.run("--offline")
    assert (code, "Proved in" in printed) == (0, True), printed


@pytest.mark.parametrize(
    "file", ["backend.hcl", "terraform.tfvars.json", "tenants/acme.tfvars", "tenants/a.tfvars.json"]
)
def test_a_folder_of_data_without_a_tfvars_is_not_left_out_silently(folder, no_network, file):
    (folder.path / "operations").mkdir()
    (folder.path / "operations" / "main.tf").write_text("")
    (folder.path / "notes").mkdir()
    assert folder.run("--offline")[0] == 0
    path = folder.path / "staging" / file
    path.parent.mkdir(parents=True)
    path.write_text("")
    with pytest.raises(
        CommandError, match="No environment would be read from environments/staging"
    ):
        folder.run("--offline")


def test_json_tells_what_is_shared(folder, no_network):
    folder.write("prod", variables("prod", "666666666666", CUSTOMER), bucket="state-of-dev")
    code, printed, _ = folder.run("--offline", "--json")
    report = json.loads(printed)
    assert (code, report["proved"]) == (1, False)
    everything = report["environments"]["all"]
    assert everything["compared"]["state bucket"] == {"compared": 2, "shared": 1}
    (fault,) = everything["plans"][-1]["faults"]
    assert fault["about"] == "shared state bucket"


def test_an_environment_that_cannot_be_read_is_named_and_nothing_is_proved(folder, no_network):
    folder.write("broken", "tenants = {")
    code, printed, errors = folder.run("--offline")
    assert (code, "Proved in part" in printed) == (1, True)
    assert "The environment broken could not be read, so it was not compared" in errors
    assert "all environments ExternalId 6 6" in printed


def test_the_local_aws_is_no_environment_on_aws(folder, no_network):
    folder.write("local", variables("local", "111111111111", "222222222222"))
    assert folder.run("--offline")[0] == 0


def test_each_environment_is_proved_and_one_that_cannot_be_does_not_stop_the_others(folder):
    """Nobody answers for AWS here, so neither environment can be proved, and both are named."""
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_MAX_ATTEMPTS": "1"}
    for name, text in {**nobody, **keys}.items():
        folder.monkeypatch.setenv(name, text)
    code, printed, errors = folder.run()
    assert code == 1
    assert "Proved in" in printed  # the comparison
    assert "Failed: 2 of 5: dev, operations account, prod, operations account" in errors
    assert errors.count("Could not connect to the endpoint URL") == 2


@pytest.mark.parametrize(
    ("env", "options", "sentence"),
    [
        ("all", ["--plan=plan.json"], "PLAN= is about one environment"),
        ("all", ["--offline", "--sign=alias/proofs"], "SIGN= is about one environment"),
        ("prod", ["--offline"], "write ENV=all"),
    ],
)
def test_options_of_one_environment_are_refused_for_all_and_the_other_way_round(
    folder, env, options, sentence
):
    with pytest.raises(CommandError, match=sentence):
        folder.run(*options, env=env)


def test_an_environment_cannot_be_called_all(folder):
    folder.write("all", variables("all", "888888888888", "999999999999"))
    with pytest.raises(CommandError, match="ENV=all means every one; rename it"):
        folder.run("--offline")


def test_without_an_environment_on_aws_there_is_nothing_to_compare(folder):
    for name in ("dev", "prod"):
        shutil.rmtree(folder.path / name)
    with pytest.raises(CommandError, match="There is no environment on AWS"):
        folder.run("--offline")


def test_a_command_for_one_environment_reads_no_other(folder):
    folder.write("broken", "tenants = {")
    assert model.load_environment("prod").tenants == ("acme",)
