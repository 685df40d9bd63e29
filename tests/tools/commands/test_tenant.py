"""Adding a stanza: what it mints, what it keeps, what it refuses."""

import re
import shutil
from dataclasses import replace

import pytest

from tests.terraform import ENVIRONMENTS
from tools.command_error import CommandError
from tools.commands import tenant
from tools.commands.tenant import new_stanza
from tools.environment import model
from tools.environment.edits import add_stanza
from tools.environment.hcl import decode_hcl
from tools.environment.model import CustomerAccount, Environment, load_environment
from tools.tenants.model_rules import model_problems

ENVIRONMENT = Environment(
    name="dev",
    operations_account_id="111111111111",
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    accounts=(CustomerAccount("acme", "222222222222", "eu-central-1"),),
    stanzas={"acme": {"accounts": {"222222222222": {}}}},
    backend={},
)

TFVARS = """\
environment = "dev" # the folder's name

tenants = {
  acme = {
    note = "a brace } in a string" # and one } in a comment
  }
}

deployer_role_name = "terraform"
"""


def test_mints_an_external_id_of_128_random_bits():
    first, second = (new_stanza(ENVIRONMENT, "globex", "333333333333") for _ in range(2))
    ids = [re.search(r'current = "([0-9a-f]{32})"', stanza).group(1) for stanza in (first, second)]
    assert ids[0] != ids[1]


ROUTES = {
    "eu-central-1": {"route": "geographic", "profile": "eu."},
    "us-west-2": {"route": "geographic", "profile": "us."},
    "ap-northeast-1": {"route": "geographic", "profile": "jp."},
    "ap-southeast-2": {"route": "geographic", "profile": "au."},
    "ap-south-1": {"route": "global"},
}


@pytest.mark.parametrize(("region", "route"), ROUTES.items(), ids=ROUTES)
def test_the_first_model_goes_through_a_profile_that_the_region_may_call(region, route):
    environment = replace(ENVIRONMENT, operations_region=region)
    stanza = new_stanza(environment, "globex", "333333333333")
    written = decode_hcl(f"tenants = {{\n{stanza}}}\n".encode())["tenants"]["globex"]["models"]
    assert written == {"claude": {"model": tenant.MODEL, "regions": [region], **route}}
    assert model_problems(written["claude"], region) == []


def test_refuses_a_tenant_that_is_there():
    with pytest.raises(
        CommandError, match='Tenant "acme" is in environments/dev/terraform.tfvars already'
    ):
        new_stanza(ENVIRONMENT, "acme", "333333333333")


@pytest.mark.parametrize("name", ["acme", "Acme"])
def test_refuses_a_tenant_whose_stanza_has_no_account_yet(name):
    stanzas = {name: {"accounts": {}}}
    with pytest.raises(CommandError, match='Tenant "acme" is in environments/dev/terraform.tfvars'):
        new_stanza(replace(ENVIRONMENT, accounts=(), stanzas=stanzas), "acme", "333333333333")


def test_refuses_an_account_that_another_tenant_has():
    with pytest.raises(CommandError, match='Account 222222222222 belongs to tenant "acme" already'):
        new_stanza(ENVIRONMENT, "globex", "222222222222")


@pytest.mark.parametrize("name", ["Acme", "acme_2", "-acme", "acme-", "a--b", "a", "", 'x" = {}'])
def test_refuses_a_name_that_aws_names_cannot_be_made_from(name):
    with pytest.raises(CommandError, match="2 or more lower-case letters and digits, with single"):
        new_stanza(ENVIRONMENT, name, "333333333333")


def test_refuses_the_name_of_the_environment():
    with pytest.raises(CommandError, match="because CONFIRM=dev would mean both"):
        new_stanza(ENVIRONMENT, "dev", "333333333333")


@pytest.mark.parametrize("account_id", ["22222222222", "2222222222222", "2222-2222-2222"])
def test_refuses_an_account_id_that_is_not_12_digits(account_id):
    with pytest.raises(CommandError, match="all 12 digits"):
        new_stanza(ENVIRONMENT, "globex", account_id)


def test_adds_the_stanza_last_and_keeps_every_other_line():
    stanza = new_stanza(ENVIRONMENT, "globex", "333333333333")
    result = add_stanza(TFVARS, stanza)
    assert result.replace("\n" + stanza, "") == TFVARS
    assert result.index("acme") < result.index("globex") < result.index("deployer_role_name")


def test_adds_the_first_stanza_to_an_empty_map():
    assert add_stanza("tenants = {}\n", "  acme = {}\n") == "tenants = {\n  acme = {}\n}\n"


def test_refuses_a_tfvars_without_tenants():
    with pytest.raises(CommandError, match="has no `tenants = {`"):
        add_stanza('environment = "dev"\n', "  acme = {}\n")


def test_refuses_the_operations_account():
    with pytest.raises(CommandError, match="111111111111 is the operations account"):
        new_stanza(ENVIRONMENT, "globex", "111111111111")


def test_refuses_a_name_that_overflows_the_role_name():
    assert new_stanza(ENVIRONMENT, "t" * 42, "333333333333")
    with pytest.raises(CommandError, match="is too long by 1: IAM allows"):
        new_stanza(ENVIRONMENT, "t" * 43, "333333333333")


@pytest.fixture
def make_tenant(tmp_path, monkeypatch):
    """Runs the command on a copy of dev, written with ``tfvars``, and returns the file's bytes."""
    monkeypatch.setattr(model, "ENVIRONMENTS", tmp_path)
    shutil.copytree(ENVIRONMENTS / "dev", tmp_path / "dev")
    for file in ENVIRONMENTS.glob("variables*.tf"):
        shutil.copy(file, tmp_path)
    file = tmp_path / "dev" / "terraform.tfvars"

    def run(tfvars, name):
        file.write_bytes(tfvars)
        arguments = ["tenant", "--env=dev", f"--name={name}", "--account=333333333333"]
        monkeypatch.setattr("sys.argv", arguments)
        try:
            assert tenant.main() == 0
        except CommandError:
            assert file.read_bytes() == tfvars
            assert sorted(path.name for path in file.parent.iterdir()) == ["backend.hcl", file.name]
            raise
        return file.read_bytes()

    return run


DEV = (ENVIRONMENTS / "dev" / "terraform.tfvars").read_bytes()


@pytest.mark.parametrize("name", ["globex", "3m", "007"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_only_the_new_lines_are_new(make_tenant, name, bom, newline):
    before = bom + DEV.replace(b"\n", newline)

    after = make_tenant(before, name)

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    added = len(new) - len(old)
    place = next(index for index, line in enumerate(new) if old[index : index + 1] != [line])
    assert new[:place] + new[place + added :] == old
    assert all(line.endswith(newline) for line in new)
    assert newline == b"\r\n" or b"\r" not in after
    assert load_environment("dev").tenants == tuple(sorted(["example", name]))


def test_the_second_tenant_whose_name_begins_with_a_digit_is_added_too(make_tenant):
    first = make_tenant(DEV, "3m")
    second = make_tenant(first.replace(b"333333333333", b"444444444444"), "3com")
    assert second.count(b'"3m" = {') == second.count(b'"3com" = {') == 1


@pytest.mark.parametrize(
    ("tfvars", "problem"),
    [
        (
            DEV.replace(b"tenants = {", b"tenants = true ? {").rstrip()[:-1] + b"} : {}\n",
            "tenants is not written as",
        ),
        (DEV.replace(b"tenants", b"# tenants"), "not valid HCL|lacks|no `tenants"),
        (DEV + b"\xff", "line 27 is not UTF-8 text"),
        (
            DEV.replace(b"example =", b"3m ="),
            "dev/terraform.tfvars is not valid HCL: line 12: Missing key",
        ),
    ],
    ids=["computed", "commented", "latin-1", "bare"],
)
def test_a_file_that_cannot_be_edited_stays_as_it_is(make_tenant, tfvars, problem):
    with pytest.raises(CommandError, match=problem):
        make_tenant(tfvars, "globex")


def test_a_minted_stanza_is_what_terraform_reads(make_tenant):
    make_tenant(DEV, "3m")
    stanza = load_environment("dev").stanzas["3m"]
    assert stanza["accounts"] == {"333333333333": {}}
    assert stanza["deployer"]["external_id"] != stanza["external_ids"]["current"]
