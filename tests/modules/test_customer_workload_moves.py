"""Plan the module over earlier states: separate reader and unmasker, and each way to write their policies."""

import json

import pytest

ROLES = {
    "aws_iam_role.execution[0]": "aws_iam_role.execution[0]",
    'aws_iam_role.reader["reader"]': "aws_iam_role.reader[0]",
    'aws_iam_role.reader["unmasker"]': "aws_iam_role.unmasker[0]",
}
ARN = "arn:aws:iam::222222222222:user/{}"


def state(plan, *, inline):
    """The planned roles as if they were applied at their earlier addresses, with a policy in or beside each."""
    resources = []
    for address, earlier in ROLES.items():
        name = earlier.removesuffix("[0]").split(".")[1]
        role = plan.resource(address)
        block = {"name": role["name"].split("-")[-1], "policy": plan.granted(address)}
        attributes = {
            **role,
            "arn": ARN.format(role["name"]),
            "id": role["name"],
            "inline_policy": [block],
            "managed_policy_arns": [],
            "unique_id": "AROA",
        }
        resources.append(applied("aws_iam_role", name, attributes))
        if not inline:
            policy = {**block, "id": f"{role['name']}:{block['name']}", "role": role["name"]}
            resources.append(applied("aws_iam_role_policy", name, policy))
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


@pytest.fixture(scope="module", params=["inline", "beside"])
def changes(request, module, inputs):
    """The changes of a plan over an earlier state, by their new addresses."""
    workload = module("customer-workload")
    inputs = {**inputs, "readers": [ARN.format("auditor")], "unmaskers": [ARN.format("lead")]}
    earlier = workload.path / "earlier.tfstate"
    earlier.write_text(json.dumps(state(workload.plan(**inputs), inline=request.param == "inline")))
    plan_json = workload.plan_json("-refresh=false", f"-state={earlier}", **inputs)
    return {change["address"]: change for change in plan_json["resource_changes"]}


@pytest.mark.parametrize("address", ROLES)
def test_a_role_is_moved_from_its_earlier_address_with_its_policy(changes, address):
    assert changes[address].get("previous_address", address) == ROLES[address]
    change = changes[address]["change"]
    assert not {"create", "delete"} & set(change["actions"])
    assert change["after"]["inline_policy"] == change["before"]["inline_policy"]


def test_a_policy_is_never_taken_away(request, changes):
    """Creating a policy is one PutRolePolicy, which replaces the one of the same name."""
    policies = {
        address: change["change"]["actions"]
        for address, change in changes.items()
        if change["type"] == "aws_iam_role_policy"
    }
    actions = ["create"] if "inline" in request.node.callspec.id else ["no-op"]
    assert policies == {
        "aws_iam_role_policy.execution[0]": actions,
        'aws_iam_role_policy.reader["reader"]': actions,
        'aws_iam_role_policy.reader["unmasker"]': actions,
    }


def test_nothing_is_destroyed(changes):
    assert all("delete" not in change["change"]["actions"] for change in changes.values())
