"""A plan is proved as the plan of the state that it was made in, and of no other."""

import pytest

from tests.tools.isolation.small_plan import plan_json, role
from tools.command_error import CommandError
from tools.environment.model import CustomerAccount
from tools.proof.proving import prove_plan
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
