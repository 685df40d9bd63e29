"""What an operations plan will hand over, from a real plan of the local environment before its first apply."""

import copy

import pytest

from tools.environment.model import CustomerAccount
from tools.proof.planned_handover import PlannedHandover, planned_handovers, unplannable
from tools.terraform.state import customer_state

ACME_EXTERNAL_ID = "269170463fdc32af10a91e67a8fd77bd"
TRACKED = "models.claude.model"


@pytest.fixture(scope="module")
def planned(local):
    return planned_handovers(local.json)


def state(tenant):
    return customer_state(CustomerAccount(tenant, "222222222222", "eu-central-1"))


def test_a_new_tenants_hand_over_is_known_before_its_role_exists(planned):
    acme = planned["acme"]
    assert acme.unknown == ()
    assert acme.content["role_arn"] == "arn:aws:iam::111111111111:role/bedrock-local-acme"
    assert acme.content["external_id"] == ACME_EXTERNAL_ID
    assert acme.content["models"]["nova"]["model"] == "eu.amazon.nova-lite-v1:0"


def test_the_arn_of_a_new_inference_profile_is_known_after_the_apply(planned):
    assert planned["initech"].unknown == (TRACKED,)
    assert "model" not in planned["initech"].content["models"]["claude"]


def test_only_an_account_whose_hand_over_is_known_can_be_planned(planned):
    states = [state(tenant) for tenant in ("acme", "initech", "umbrella")]
    assert unplannable(states, planned) == {
        "initech 222222222222": f"{TRACKED} of its hand-over: known after the operations apply",
        "umbrella 222222222222": "its hand-over is known after the operations apply",
    }


@pytest.mark.parametrize(
    "output", [None, {"after": None, "after_unknown": True}, {"actions": ["delete"], "after": None}]
)
def test_a_plan_that_knows_no_hand_over_has_none(local, output):
    outputs = {} if output is None else {"handover": output}
    assert planned_handovers({**local.json, "output_changes": outputs}) == {}


def test_a_tenant_of_which_nothing_is_known_is_not_planned(local):
    plan = copy.deepcopy(local.json)
    change = plan["output_changes"]["handover"]
    del change["after"]["acme"]
    change["after_unknown"]["acme"] = True
    assert planned_handovers(plan)["acme"] == PlannedHandover({}, ("everything",))


def test_what_changes_in_a_hand_over_is_named_and_what_is_unknown_is_not_called_removed(planned):
    present = copy.deepcopy(planned["initech"].content)
    present["models"]["claude"] |= {"model": "arn:old", "base_model_id": "anthropic.old"}
    present["quota"]["requests_per_second"] = 1
    present["models"]["nova"] = {"model": "amazon.nova-lite-v1:0"}
    lines = planned["initech"].change_lines(present)
    assert lines == [
        "~ models.claude.base_model_id: anthropic.old → anthropic.claude-haiku-4-5-20251001-v1:0",
        '- models.nova: {"model": "amazon.nova-lite-v1:0"}',
        lines[2],
        f"~ {TRACKED}: known after the operations apply",
    ]
    assert lines[2].startswith("~ quota.requests_per_second: 1 → ")
    assert planned["acme"].change_lines(planned["acme"].content) == []
