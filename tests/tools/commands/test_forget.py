"""What `make forget` refuses, and what it leaves to the customer's administrators."""

import json
from dataclasses import replace

import boto3
import pytest

from tools.cli.session import Session
from tools.command_error import CommandError
from tools.commands.forget import forget_account, left_in, refuse_active_tenant
from tools.environment.model import load_environment
from tools.localaws.local_aws import LocalAws
from tools.tenants.orphan_search import orphans_of
from tools.tenants.workload import EXECUTION_ROLE, FUNCTION
from tools.terraform.state_bucket import StateBucket

LOCAL = load_environment("local")
ACCOUNT = next(account for account in LOCAL.accounts if account.tenant == "acme")
EVERYTHING = frozenset({EXECUTION_ROLE, FUNCTION})
ROLE_OF_A_VPC = frozenset({EXECUTION_ROLE})
OFFBOARDED = replace(
    LOCAL, stanzas={**LOCAL.stanzas, "acme": {**LOCAL.stanzas["acme"], "state": "offboarding"}}
)


def with_acme(accounts, **changes):
    acme = {**LOCAL.stanzas["acme"], "accounts": accounts, **changes}
    remaining_accounts = [
        each for each in LOCAL.accounts if each.tenant != "acme" or each.account_id in accounts
    ]
    return replace(
        LOCAL, stanzas={**LOCAL.stanzas, "acme": acme}, accounts=tuple(remaining_accounts)
    )


SELF_MANAGED = with_acme({ACCOUNT.account_id: {"managed_by": "customer"}})


@pytest.mark.parametrize("workload", [ROLE_OF_A_VPC, frozenset()])
def test_an_offboarded_tenant_may_be_forgotten_although_a_vpc_keeps_its_role(workload):
    refuse_active_tenant(OFFBOARDED, "acme", {ACCOUNT: workload})


@pytest.mark.parametrize(
    ("environment", "workload"), [(LOCAL, frozenset()), (OFFBOARDED, EVERYTHING)]
)
def test_a_tenant_that_is_active_or_has_a_function_is_not_forgotten(environment, workload):
    with pytest.raises(CommandError, match="run `make offboard ENV=local TENANT=acme` first"):
        refuse_active_tenant(environment, "acme", {ACCOUNT: workload})


def test_the_customer_deletes_the_role_that_a_vpc_keeps():
    role, function = "role bedrock-local-acme-execution", "function bedrock-local-acme"
    assert {role, function} <= {*left_in(LOCAL, ACCOUNT, EVERYTHING)}
    lines = left_in(OFFBOARDED, ACCOUNT, ROLE_OF_A_VPC)
    assert role in lines
    assert function not in lines
    assert role not in left_in(OFFBOARDED, ACCOUNT, frozenset())


def test_a_function_that_offboarding_cannot_remove_stops_no_forgetting_and_is_listed():
    customers = with_acme({ACCOUNT.account_id: {"managed_by": "customer"}}, state="offboarding")
    refuse_active_tenant(customers, "acme", {ACCOUNT: EVERYTHING})
    lines = left_in(customers, ACCOUNT, EVERYTHING)
    assert (
        "function bedrock-local-acme and role bedrock-local-acme-execution, "
        "unless the customer's apply has removed them"
    ) in lines
    assert "role terraform-deployer, if it exists" in lines
    left = replace(ACCOUNT, account_id="888888888888")
    refuse_active_tenant(OFFBOARDED, "acme", {left: EVERYTHING})
    assert "function bedrock-local-acme" in left_in(OFFBOARDED, left, EVERYTHING)


class Owners:
    """The accounts of a local AWS, whose readers are their owners."""

    def __init__(self, cloud):
        self._cloud = cloud

    def reader(self, account):
        keys = self._cloud.control.account(account.account_id)
        return boto3.Session(keys.access_key_id, keys.secret_access_key, region_name=account.region)

    def client(self, session, service):
        return session.client(service, endpoint_url=self._cloud.url)


def state_of(*addresses, region="eu-west-1"):
    """A customer account's state that holds these resources of the workload."""
    resources = [
        {
            "module": "module.customer_workload",
            "mode": "managed",
            "type": address.split(".")[2],
            "name": address.split(".")[3],
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [{"index_key": 0, "attributes": {}}],
        }
        for address in addresses
    ]
    outputs = {"region": {"value": region, "type": "string"}}
    return {"version": 4, "serial": 1, "outputs": outputs, "resources": resources}


@pytest.fixture(scope="module")
def cloud():
    with LocalAws() as cloud:
        yield cloud


@pytest.fixture
def session_of(cloud):
    """Return a session of an environment whose bucket has states of three accounts of acme."""
    keys = cloud.control.account(LOCAL.operations_account_id)
    owner = boto3.Session(keys.access_key_id, keys.secret_access_key, region_name="eu-central-1")
    bucket = StateBucket(LOCAL, lambda service: owner.client(service, endpoint_url=cloud.url))
    bucket.make()
    s3 = owner.client("s3", endpoint_url=cloud.url)
    for account in (ACCOUNT.account_id, "888888888888"):
        s3.put_object(
            Bucket=bucket.name,
            Key=f"customers/acme/{account}.tfstate",
            Body=json.dumps(state_of(EXECUTION_ROLE, FUNCTION)),
        )

    def session_of(environment):
        return Session(environment, Owners(cloud), None, replace(bucket, environment=environment))

    session_of.s3 = s3
    return session_of


def advised(environment, keys):
    """What `make orphans` says about these states."""
    return {orphan.name: orphan.advice for orphan in orphans_of(environment, keys, [], [])}


def test_an_account_that_has_left_the_stanza_is_forgotten_alone(session_of, capsys):
    session = session_of(LOCAL)
    states = session.bucket.customer_states()
    key = "customers/acme/888888888888.tfstate"
    command = "`make forget ENV=local TENANT=acme ACCOUNT=888888888888`"
    assert command in advised(LOCAL, states)[key]
    forget_account(session, "acme", "888888888888", "888888888888")
    assert session.bucket.customer_states() == states - {key}
    assert advised(LOCAL, session.bucket.customer_states()) == {}
    printed = capsys.readouterr().out
    assert "account 888888888888 delete, in eu-west-1:" in printed
    for left in ("function bedrock-local-acme\n", "log group /bedrock/local/acme/records"):
        assert left in printed


def test_the_operators_state_of_a_self_managed_account_is_forgotten(session_of, capsys):
    session = session_of(SELF_MANAGED)
    key = f"customers/acme/{ACCOUNT.account_id}.tfstate"
    advice = advised(SELF_MANAGED, session.bucket.customer_states())[key]
    names = f"ENV=local TENANT=acme ACCOUNT={ACCOUNT.account_id}"
    assert f"`make handover {names}`" in advice
    assert f"`make forget {names}`" in advice
    forget_account(session, "acme", ACCOUNT.account_id, ACCOUNT.account_id)
    assert key not in session.bucket.customer_states()
    printed = capsys.readouterr()
    assert "the customer applies what `make handover` writes now" in printed.err
    assert "delete" not in printed.out


@pytest.mark.parametrize(
    ("account", "answer", "sentence"),
    [
        ("888888888888", None, "CONFIRM=888888888888"),
        ("888888888888", "acme", "acme 888888888888 was not forgotten"),
        ("999999999999", "999999999999", "There is no state of account 999999999999"),
        (ACCOUNT.account_id, ACCOUNT.account_id, "the operator manages it"),
    ],
)
def test_nothing_is_forgotten_unconfirmed_or_while_the_operator_manages_it(
    session_of, account, answer, sentence
):
    session = session_of(LOCAL)
    before = session.bucket.customer_states()
    with pytest.raises(CommandError, match=sentence):
        forget_account(session, "acme", account, answer)
    assert session.bucket.customer_states() == before


def test_a_locked_state_is_not_forgotten(session_of):
    session = session_of(LOCAL)
    key = "customers/acme/888888888888.tfstate.tflock"
    lock = {"ID": "1", "Who": "operator@laptop", "Operation": "OperationTypeApply"}
    session_of.s3.put_object(Bucket=session.bucket.name, Key=key, Body=json.dumps(lock))
    with pytest.raises(CommandError, match=r"locked: .* by .*laptop.*make unlock ENV=local"):
        forget_account(session, "acme", "888888888888", "888888888888")
    session_of.s3.delete_object(Bucket=session.bucket.name, Key=key)
    assert "customers/acme/888888888888.tfstate" in session.bucket.customer_states()
