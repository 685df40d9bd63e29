"""Rotating an ExternalId: what it writes, what it leaves alone, when it refuses."""

import json

import pytest

from tests.tools.localaws.small_functions import zipped
from tools.cli.function_settings import confirmed_accounts, unused_sentence
from tools.cli.targets import AwsTarget
from tools.command_error import CommandError
from tools.commands.rotate import (
    refuse_while_the_old_one_is_used,
    with_new_external_id,
    without_previous_external_id,
)
from tools.environment.hcl import decode_hcl
from tools.environment.model import CustomerAccount, Environment
from tools.localaws.local_aws import LocalAws
from tools.terraform.deployer_role import deployer_roles


def previous_external_id(text, tenant):
    """What Terraform reads."""
    return decode_hcl(text.encode())["tenants"][tenant]["external_ids"].get("previous")


OLD = "269170463fdc32af10a91e67a8fd77bd"
NEW = "957de22fad53ba4a185d28da6ab59943"

TFVARS = f"""\
environment = "dev" # external_ids = {{ current = "in a comment" }}

tenants = {{
  globex = {{
    external_ids = {{ current = "e2f2aa7d039ce726c5185bff0d2467ce" }}
  }}
  acme = {{
    note         = "external_ids = {{ current" # a brace }} here
    external_ids = {{ current = "{OLD}" }} # minted in March
    models       = {{ current = {{}} }}
  }}
}}
"""


def test_the_first_step_keeps_the_old_one_beside_the_new():
    assert with_new_external_id(TFVARS, "acme", NEW) == TFVARS.replace(
        f'{{ current = "{OLD}" }}', f'{{ current = "{NEW}", previous = "{OLD}" }}'
    )


def test_the_last_step_leaves_the_file_as_if_the_new_one_had_always_been_there():
    rotated = without_previous_external_id(with_new_external_id(TFVARS, "acme", NEW), "acme")
    assert rotated == TFVARS.replace(OLD, NEW)


@pytest.mark.parametrize(
    "external_ids",
    [
        f'{{ current = "{OLD}", previous = null }}',
        f'{{ previous = null, current = "{OLD}" }}',
        f'{{ "current" : "{OLD}" }}',
        f'{{\n  # ours\n  current = "{OLD}" # March\n}}',
        f'{{\n  current = "{OLD}",\n  previous = null,\n}}',
        f'{{\n  previous = null\n  current = "{OLD}"\n}}',
    ],
)
def test_an_object_may_be_written_in_any_way(external_ids):
    text = f"tenants = {{\n  acme = {{\n    external_ids = {external_ids}\n  }}\n}}\n"
    first = with_new_external_id(text, "acme", NEW)
    assert previous_external_id(text, "acme") is None
    assert previous_external_id(first, "acme") == OLD
    last = without_previous_external_id(first, "acme")
    assert previous_external_id(last, "acme") is None
    assert OLD not in last
    assert f'"{NEW}"' in last
    assert last.count("#") == text.count("#")


@pytest.mark.parametrize(
    ("both", "left"),
    [
        (f'{{ previous = "{OLD}", current = "{NEW}" }}', f'{{ current = "{NEW}" }}'),
        (
            f'{{\n  current = "{NEW}"\n  previous = "{OLD}"\n}}',
            f'{{\n  current = "{NEW}"\n}}',
        ),
    ],
)
def test_a_previous_one_written_by_hand_is_taken_away_too(both, left):
    text = "tenants = {{ acme = {{ external_ids = {} }} }}\n"
    assert without_previous_external_id(text.format(both), "acme") == text.format(left)


def test_a_tenant_whose_key_is_computed_is_edited_by_hand():
    text = TFVARS.replace("  acme = {", '  "ac${"me"}" = {')

    with pytest.raises(
        CommandError, match=r'tenant "acme" in terraform.tfvars is computed, so .*by hand'
    ):
        with_new_external_id(text, "acme", NEW)


def test_a_stanza_without_an_external_id_is_refused():
    with pytest.raises(CommandError, match="The stanza has no `external_ids"):
        with_new_external_id("tenants = { acme = {} }\n", "acme", NEW)


ENVIRONMENT = Environment(
    name="dev",
    operations_account_id="111111111111",
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    deployment_principals=("arn:aws:iam::111111111111:user/deployer",),
    accounts=tuple(
        CustomerAccount("acme", account_id, "eu-central-1")
        for account_id in ("222222222222", "333333333333")
    ),
    stanzas={
        "acme": {
            "accounts": {"222222222222": {}, "333333333333": {}},
            "deployer": {"external_id": "0c1f5d7e0f0b4b0f9a3c9a2f4f5e6d7c"},
            "external_ids": {"current": NEW, "previous": OLD},
        }
    },
    backend={},
)
FIRST, SECOND = ENVIRONMENT.accounts
EXECUTION = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}


class Customers:
    """Two customer accounts on a local AWS, with or without the deployer and the function."""

    def __init__(self, cloud, monkeypatch):
        self._control = cloud.control
        self._roles = deployer_roles(ENVIRONMENT, ENVIRONMENT.accounts, print)
        keys = cloud.control.account("111111111111")
        for name, value in {
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_ENDPOINT_URL": cloud.url,
        }.items():
            monkeypatch.setenv(name, value)

    def client(self, account, service):
        owner = self._control.account(account.account_id, user="owner")
        session = AwsTarget(ENVIRONMENT).session("owner")
        return session.client(
            service,
            region_name=account.region,
            aws_access_key_id=owner.access_key_id,
            aws_secret_access_key=owner.secret_access_key,
        )

    def let_the_deployer_in(self, account):
        iam = self.client(account, "iam")
        iam.create_role(
            RoleName="terraform-deployer",
            AssumeRolePolicyDocument=self._roles[account].trust,
        )
        iam.put_role_policy(
            RoleName="terraform-deployer",
            PolicyName="deployer",
            PolicyDocument=self._roles[account].permissions,
        )

    def apply(self, account, external_id):
        role = self.client(account, "iam").create_role(
            RoleName="bedrock-dev-acme-execution", AssumeRolePolicyDocument=json.dumps(EXECUTION)
        )
        settings = json.dumps({"external_id": external_id})
        self.client(account, "lambda").create_function(
            FunctionName="bedrock-dev-acme",
            Role=role["Role"]["Arn"],
            Runtime="python3.13",
            Handler="function.handler",
            Code={"ZipFile": zipped(function="def handler(event, context): ...")},
            Environment={"Variables": {"TENANT_BEDROCK": settings}},
        )

    def refusal(self, *confirmed):
        with pytest.raises(CommandError) as refused:
            refuse_while_the_old_one_is_used(
                AwsTarget(ENVIRONMENT), ENVIRONMENT.accounts, confirmed
            )
        return str(refused.value)

    def may_drop_the_old_one(self, *confirmed):
        refuse_while_the_old_one_is_used(AwsTarget(ENVIRONMENT), ENVIRONMENT.accounts, confirmed)
        return True


@pytest.fixture
def customers(monkeypatch):
    with LocalAws() as cloud:
        yield Customers(cloud, monkeypatch)


def test_the_old_one_goes_when_every_function_calls_with_the_new(customers):
    for account in ENVIRONMENT.accounts:
        customers.let_the_deployer_in(account)
        customers.apply(account, NEW)
    assert customers.may_drop_the_old_one()


def test_the_old_one_stays_while_one_function_calls_with_it(customers):
    for account, external_id in ((FIRST, NEW), (SECOND, OLD)):
        customers.let_the_deployer_in(account)
        customers.apply(account, external_id)
    refusal = customers.refusal()
    assert "account 333333333333 still uses the old one in bedrock-dev-acme" in refusal
    assert "222222222222" not in refusal
    assert OLD not in refusal


def test_an_account_without_a_function_holds_nothing_up(customers):
    for account in ENVIRONMENT.accounts:
        customers.let_the_deployer_in(account)
    customers.apply(FIRST, NEW)
    assert customers.may_drop_the_old_one()


def test_the_old_one_stays_while_an_account_cannot_be_looked_into(customers):
    customers.let_the_deployer_in(FIRST)
    customers.apply(FIRST, NEW)
    refusal = customers.refusal()
    assert "account 333333333333 cannot be read" in refusal
    assert "add CONFIRM=" in refusal
    assert customers.may_drop_the_old_one("333333333333")


def test_a_confirmation_does_not_override_what_a_function_was_read_to_use(customers):
    for account, external_id in ((FIRST, NEW), (SECOND, OLD)):
        customers.let_the_deployer_in(account)
        customers.apply(account, external_id)
    refusal = customers.refusal("333333333333")
    assert "account 333333333333 still uses the old one in bedrock-dev-acme" in refusal
    assert "CONFIRM= counts only for accounts whose functions cannot be read" in refusal
    assert "add CONFIRM=" not in refusal


def test_the_accounts_whose_owners_have_answered_are_named(customers):
    customers.let_the_deployer_in(FIRST)
    customers.apply(FIRST, NEW)
    answered = refuse_while_the_old_one_is_used(
        AwsTarget(ENVIRONMENT), ENVIRONMENT.accounts, {"222222222222", "333333333333"}
    )
    assert answered == ["333333333333"]  # the first was read
    assert "the owner has confirmed the same of 333333333333" in unused_sentence(answered)
    assert unused_sentence([]) == "no function uses it"


@pytest.mark.parametrize("text", ["222222222222,333333333333", "333333333333 , 222222222222"])
def test_spaces_or_commas_separate_the_confirmed_accounts(text):
    assert confirmed_accounts(ENVIRONMENT, "acme", text) == {"222222222222", "333333333333"}


@pytest.mark.parametrize("text", ["999999999999", "acme", "222222222222 99"])
def test_an_id_of_no_account_of_the_tenant_is_refused_with_the_right_ones(text):
    with pytest.raises(
        CommandError, match=r"CONFIRM= has .*accounts of acme: 222222222222, 333333333333\.$"
    ):
        confirmed_accounts(ENVIRONMENT, "acme", text)


def test_a_confirmed_account_does_not_speak_for_another(customers):
    for account, external_id in ((FIRST, OLD), (SECOND, NEW)):
        customers.let_the_deployer_in(account)
        customers.apply(account, external_id)
    assert "account 222222222222 still uses" in customers.refusal("333333333333")
