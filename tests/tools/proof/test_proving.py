"""A plan is proved as the plan of the state and the stanza that it was made from, and of no other."""

from dataclasses import replace

import pytest

from tests.tools.isolation.small_plan import plan_json, role
from tools.command_error import CommandError
from tools.environment.model import CustomerAccount, load_environment
from tools.proof.proving import make_report, prove_plan
from tools.terraform.state import customer_state, operations_state

ACME = customer_state(CustomerAccount("acme", "222222222222", "eu-central-1"))


def test_accepts_a_plan_of_the_state_that_it_was_made_in():
    assert prove_plan("prod", plan_json(role(), shard=0), of=operations_state(0, 1)).holds


@pytest.mark.parametrize(
    ("state", "variables"),
    [
        (ACME, {}),
        (ACME, {"tenant": "globex", "account_id": "222222222222"}),
        (ACME, {"tenant": "acme", "account_id": "333333333333"}),
        (operations_state(0, 2), {"shard": 1}),
        (operations_state(0, 1), {"tenant": "acme", "account_id": "222222222222"}),
    ],
)
def test_refuses_a_plan_of_another_state(state, variables):
    plan = plan_json(role(), **variables)
    with pytest.raises(CommandError, match=f"The plan of {state.label} is of another account"):
        prove_plan("prod", plan, of=state)


SHARED = "222222222222"
STANZA = {
    "accounts": {SHARED: {"readers": ["arn:aws:iam::333333333333:role/reader"]}},
    "external_ids": {"current": "a" * 32},
    "models": {},
    "trusted_accounts": ["333333333333"],
}


def reported(planned, **stanzas):
    """The problems of a customer account's plan with the stanza ``planned``, where the file has ``stanzas``."""
    local = load_environment("local")
    variables = {**local.variables, "environment": "prod"}
    environment = replace(local, name="prod", stanzas=stanzas, variables=variables)
    values = {**variables, "tenants": {"acme": planned}, "tenant": "acme", "account_id": SHARED}
    plan = plan_json(role())
    plan["variables"] = {name: {"value": value} for name, value in values.items()}
    report = make_report(environment, [(None, plan)], state=False, providers={})
    return "\n".join(report.problems())


def test_a_plan_with_one_stanza_is_compared_with_all_of_them():
    problem = "trusted_accounts lists 333333333333, which belongs to globex"
    globex = {
        "accounts": {"333333333333": {}},
        "external_ids": {"current": "b" * 32},
        "models": {},
    }
    assert problem in reported(STANZA, acme=STANZA, globex=globex)
    assert problem not in reported(STANZA, acme=STANZA)


def test_refuses_a_plan_that_was_made_with_another_stanza():
    with pytest.raises(CommandError, match="The plan of acme 222222222222 was made with another"):
        reported({**STANZA, "trusted_accounts": []}, acme=STANZA)
    assert reported({**STANZA, "perimeter": None}, acme=STANZA)
