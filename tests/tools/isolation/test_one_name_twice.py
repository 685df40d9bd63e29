"""A name that two resources share must be a fault: each apply may leave the other one in force."""

import json

import pytest

from tests.tools.isolation.small_plan import STANZA, plan_json, resource, role
from tools.isolation import plan_reader
from tools.isolation.claims import claims_for
from tools.isolation.prover import prove

NARROW = role()["change"]["after"]["inline_policy"][0]
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
WIDE = {**NARROW, "policy": json.dumps({"Version": "2012-10-17", "Statement": [ALLOW_ALL]})}


def policy_resource(block, name):
    return resource("aws_iam_role_policy", {**block, "role": "bedrock-prod-acme"}, name=name)


def problems(plan, **options):
    proof = prove(claims_for(plan_reader.read(plan, **options)))
    assert not proof.holds
    return [fault.problem for fault in proof.case.faults]


ONE_NAME = "has the name models, which another policy of the role has too"


@pytest.mark.parametrize("order", [(WIDE, NARROW), (NARROW, WIDE)])
def test_two_inline_policies_of_one_name_are_a_fault(order):
    assert problems(plan_json(role(inline_policy=list(order)))) == [f"aws_iam_role.this {ONE_NAME}"]


def test_two_inline_policies_whose_names_differ_in_case_are_a_fault():
    blocks = [{**WIDE, "name": "Models"}, NARROW]
    assert problems(plan_json(role(inline_policy=blocks))) == [f"aws_iam_role.this {ONE_NAME}"]


NOT_REVIEWED = "is of a type that is not on the list of reviewed types"


@pytest.mark.parametrize("order", [(WIDE, NARROW), (NARROW, WIDE)])
def test_two_policy_resources_of_one_name_are_a_fault(order):
    policies = [policy_resource(block, name) for block, name in zip(order, "ab", strict=True)]
    plan = plan_json(role(inline_policy=[]), *policies, arguments=("assume_role_policy",))
    expected = {f"aws_iam_role_policy.{name} {NOT_REVIEWED}" for name in "ab"}
    assert expected <= set(problems(plan))


@pytest.mark.parametrize("order", [(WIDE, NARROW), (NARROW, WIDE)])
def test_a_block_and_a_policy_resource_of_one_name_are_a_fault(order):
    block, other = order
    plan = plan_json(role(inline_policy=[block]), policy_resource(other, "models"))
    assert f"aws_iam_role_policy.models {NOT_REVIEWED}" in problems(plan)


def test_two_roles_of_one_name_are_a_fault():
    wide = role(inline_policy=[WIDE])
    for roles in ((wide, role()), (role(), wide)):
        assert (
            "2 roles are named bedrock-prod-acme; IAM role names are case-insensitive"
            in problems(plan_json(*roles))
        )


def test_two_profiles_of_one_name_are_a_fault_and_both_are_checked():
    models = {"nova": {**STANZA["models"]["nova"], "track": True}}
    source = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
    tags = {"alias": "nova", "environment": "prod", "tenant": "acme"}
    values = {
        "name": "bedrock-prod-acme_nova_ca29",
        "model_source": [{"copy_from": source}],
        "tags": tags,
        "tags_all": tags,
    }
    foreign = {**values, "tags_all": {**tags, "tenant": "globex"}}
    for order, wrong in (((values, foreign), "b"), ((foreign, values), "a")):
        profiles = [
            resource("aws_bedrock_inference_profile", arguments, {"model_source": [{}]}, name=name)
            for arguments, name in zip(order, "ab", strict=True)
        ]
        found = problems(
            plan_json(role(), *profiles, tenants={"acme": {**STANZA, "models": models}})
        )
        label, address = "the profile bedrock-prod-acme_nova_ca29", "aws_bedrock_inference_profile"
        tag = "has globex for the tag tenant instead of acme"
        assert found == [
            f"{label} is there more than once: {address}.a and {address}.b",
            f"tags_all of {label} ({address}.{wrong}) {tag}",
        ]


def with_copy(plan, type_):
    """The plan of a customer account with one of its resources twice."""
    item = next(item for item in plan["resource_changes"] if item["type"] == type_)
    return {**plan, "resource_changes": [*plan["resource_changes"], item]}


@pytest.mark.parametrize(
    ("type_", "sentence"),
    [
        ("aws_cloudwatch_log_data_protection_policy", "is there more than once"),
        ("aws_cloudwatch_log_group", "is there more than once"),
        ("aws_iam_role", "2 roles are named"),
        ("aws_lambda_alias", "is there more than once"),
        ("aws_lambda_function", "is there more than once"),
        ("aws_vpc_endpoint", "is there more than once"),
    ],
)
def test_a_customers_resource_of_one_name_twice_is_a_fault(plans, type_, sentence):
    plan = plans["everything 666666666666"]
    assert claims_for(plan_reader.read(plan)).faults == ()
    faults = claims_for(plan_reader.read(with_copy(plan, type_))).faults
    assert any(sentence in fault.problem for fault in faults)
