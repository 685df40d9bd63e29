"""Adding a stanza: what it mints, what it keeps, what it refuses."""

import re

import pytest

from tools.command_error import CommandError
from tools.commands.tenant import new_stanza
from tools.environment.edits import add_stanza
from tools.environment.model import CustomerAccount, Environment

ENVIRONMENT = Environment(
    name="dev",
    operations_account_id="111111111111",
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    accounts=(CustomerAccount("acme", "222222222222", "eu-central-1"),),
    stanzas={},
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


def test_refuses_a_tenant_that_is_there():
    with pytest.raises(
        CommandError, match='Tenant "acme" is in environments/dev/terraform.tfvars already'
    ):
        new_stanza(ENVIRONMENT, "acme", "333333333333")


def test_refuses_an_account_that_another_tenant_has():
    with pytest.raises(CommandError, match='Account 222222222222 belongs to tenant "acme" already'):
        new_stanza(ENVIRONMENT, "globex", "222222222222")


@pytest.mark.parametrize("name", ["Acme", "acme_2", "-acme", "acme-", "", 'x" = {}'])
def test_refuses_a_name_that_aws_names_cannot_be_made_from(name):
    with pytest.raises(CommandError, match="lower-case letters, digits and hyphens"):
        new_stanza(ENVIRONMENT, name, "333333333333")


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
