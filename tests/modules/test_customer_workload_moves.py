"""Plan the module over an earlier state: separate reader and unmasker, and policies beside their roles."""

import json

import pytest

ROLES = {
    "aws_iam_role.execution[0]": "aws_iam_role.execution[0]",
    'aws_iam_role.reader["reader"]': "aws_iam_role.reader[0]",
    'aws_iam_role.reader["unmasker"]': "aws_iam_role.unmasker[0]",
}
ARN = "arn:aws:iam::222222222222:user/{}"


def state(plan):
    """The planned roles as if they were applied at their earlier addresses, each beside its policy."""
    resources = []
    for address, earlier in ROLES.items():
        name = earlier.removesuffix("[0]").split(".")[1]
        role = plan.resource(address)
        [block] = role["inline_policy"]
        resources += [
            applied(
                "aws_iam_role", name, {**role, "arn": ARN.format(role["name"]), "id": role["name"]}
            ),
            applied(
                "aws_iam_role_policy",
                name,
                {**block, "id": f"{role['name']}:{block['name']}", "role": role["name"]},
            ),
        ]
    return {"version": 4, "serial": 1, "lineage": "earlier", "resources": resources}


def applied(kind, name, attributes):
    provider = 'provider["registry.terraform.io/hashicorp/aws"]'
    instances = [{"index_key": 0, "attributes": attributes}]
    return {
        "mode": "managed",
        "type": kind,
        "name": name,
        "provider": provider,
        "instances": instances,
    }


@pytest.fixture(scope="module")
def changes(module, inputs):
    """The changes of a plan over the earlier state, by their new addresses."""
    workload = module("customer-workload")
    inputs = {**inputs, "readers": [ARN.format("auditor")], "unmaskers": [ARN.format("lead")]}
    earlier = workload.path / "earlier.tfstate"
    earlier.write_text(json.dumps(state(workload.plan(**inputs))))
    plan_json = workload.plan_json("-refresh=false", f"-state={earlier}", **inputs)
    return {change["address"]: change for change in plan_json["resource_changes"]}


@pytest.mark.parametrize("address", ROLES)
def test_a_role_is_moved_from_its_earlier_address_with_its_policy(changes, address):
    assert changes[address].get("previous_address", address) == ROLES[address]
    change = changes[address]["change"]
    assert not {"create", "delete"} & set(change["actions"])
    assert change["after"]["inline_policy"] == change["before"]["inline_policy"]


def test_a_policy_beside_its_role_stays_in_place_and_is_forgotten(changes):
    policies = {
        address: change["change"]["actions"]
        for address, change in changes.items()
        if change["type"] == "aws_iam_role_policy"
    }
    assert policies == {
        f"aws_iam_role_policy.{name}[0]": ["forget"] for name in ("execution", "reader", "unmasker")
    }


def test_nothing_is_destroyed(changes):
    assert all("delete" not in change["change"]["actions"] for change in changes.values())
