"""Plan the module over a state in which reader and unmasker are separate resources, as they once were."""

import json

import pytest

ADDRESSES = {
    'aws_iam_role.reader["reader"]': "aws_iam_role.reader[0]",
    'aws_iam_role.reader["unmasker"]': "aws_iam_role.unmasker[0]",
    'aws_iam_role_policy.reader["reader"]': "aws_iam_role_policy.reader[0]",
    'aws_iam_role_policy.reader["unmasker"]': "aws_iam_role_policy.unmasker[0]",
}
ARN = "arn:aws:iam::222222222222:user/{}"


def state(plan):
    """The planned roles and policies as if they were applied, each at its earlier address."""
    resources = []
    for address, earlier in ADDRESSES.items():
        kind, name = earlier.removesuffix("[0]").split(".")
        attributes = plan.resource(address)
        role = attributes.get("role", attributes["name"])
        identity = role if kind == "aws_iam_role" else f"{role}:{attributes['name']}"
        instance = {"index_key": 0, "attributes": {**attributes, "id": identity}}
        provider = 'provider["registry.terraform.io/hashicorp/aws"]'
        resource = {"mode": "managed", "type": kind, "name": name, "provider": provider}
        resources.append({**resource, "instances": [instance]})
    return {"version": 4, "serial": 1, "lineage": "earlier", "resources": resources}


@pytest.fixture(scope="module")
def changes(module, inputs):
    """The changes of a plan over the earlier state, by their new addresses."""
    workload = module("customer-workload")
    inputs = {**inputs, "readers": [ARN.format("auditor")], "unmaskers": [ARN.format("lead")]}
    earlier = workload.path / "earlier.tfstate"
    earlier.write_text(json.dumps(state(workload.plan(**inputs))))
    plan_json = workload.plan_json("-refresh=false", f"-state={earlier}", **inputs)
    return {change["address"]: change for change in plan_json["resource_changes"]}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_role_or_policy_is_moved_from_its_earlier_address(changes, address):
    assert changes[address]["previous_address"] == ADDRESSES[address]
    assert not {"create", "delete"} & set(changes[address]["change"]["actions"])


def test_nothing_is_destroyed(changes):
    assert all("delete" not in change["change"]["actions"] for change in changes.values())
