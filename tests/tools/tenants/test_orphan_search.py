"""What has no stanza is found among states, hand-overs and roles; what has one is not."""

import pytest

from tools.environment.model import load_environment
from tools.tenants.orphan_search import orphans_of
from tools.terraform.state import account_of_key

LOCAL = load_environment("local")
STATES = [f"customers/{account.name}.tfstate" for account in LOCAL.accounts]
ROLES = [f"bedrock-local-{tenant}" for tenant in LOCAL.tenants]


def found(states=(), handovers=(), roles=()):
    orphans = orphans_of(LOCAL, [*STATES, *states], [*LOCAL.tenants, *handovers], [*ROLES, *roles])
    return [(orphan.tenant, orphan.kind, orphan.name) for orphan in orphans]


def test_what_has_a_stanza_is_no_orphan():
    assert found() == []
    assert found(roles=["terraform", "bedrock-prod-umbrella", "bedrock-localhost"]) == []
    assert found(states=["customers/acme/222222222222.tfstate.tflock", "operations.tfstate"]) == []


@pytest.mark.parametrize(
    ("things", "orphan"),
    [
        ({"states": ["customers/umbrella/666666666666.tfstate"]}, ("umbrella", "state")),
        ({"states": ["customers/acme/666666666666.tfstate"]}, ("acme", "state")),
        ({"handovers": ["umbrella"]}, ("umbrella", "hand-over")),
        ({"roles": ["bedrock-local-umbrella"]}, ("umbrella", "role")),
    ],
)
def test_what_has_no_stanza_or_no_account_in_it_is_an_orphan(things, orphan):
    assert [each[:2] for each in found(**things)] == [orphan]


def test_the_advice_tells_a_lost_account_from_a_lost_stanza():
    account, stanza = orphans_of(
        LOCAL,
        ["customers/acme/666666666666.tfstate", "customers/umbrella/666666666666.tfstate"],
        [],
        [],
    )
    assert account.advice.startswith("Put back the account in its stanza, or run `make forget")
    assert stanza.advice.startswith("Put back the stanza, or run `make forget")


def test_a_states_account_is_the_stanzas_or_one_in_the_operations_region():
    assert account_of_key(LOCAL, STATES[2]) == LOCAL.accounts[2]
    lost = account_of_key(LOCAL, "customers/umbrella/666666666666.tfstate")
    assert (lost.tenant, lost.account_id, lost.region) == ("umbrella", "666666666666", "eu-central-1")  # fmt: skip
    assert account_of_key(LOCAL, "operations.tfstate") is None
