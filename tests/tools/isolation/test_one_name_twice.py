"""A name that two resources share must be a fault: each apply may leave the other one in force."""

import json

import pytest

from tests.tools.isolation.small_plan import STANZA, grants, plan_json, resource, role
from tools.isolation import plan_reader
from tools.isolation.claims import claims_for
from tools.isolation.prover import prove

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
NARROW, WIDE = grants(), grants(json.dumps({"Version": "2012-10-17", "Statement": [ALLOW_ALL]}))


def problems(plan, **options):
    proof = prove(claims_for(plan_reader.read(plan, **options)))
    assert not proof.holds
    return [fault.problem for fault in proof.case.faults]


@pytest.mark.parametrize("order", [(WIDE, NARROW), (NARROW, WIDE)])
def test_two_policies_of_one_name_are_a_fault(order):
    first, second = order
    second = {**second, "address": 'aws_iam_role_policy.grants["again"]'}
    assert problems(plan_json(role(), first, second)) == [
        (
            "the inline policy bedrock-prod-acme grants is there more than once: "
            'aws_iam_role_policy.grants and aws_iam_role_policy.grants["again"]'
        ),
        'aws_iam_role_policy.grants["again"] has the name grants, which another policy of the role has too',
    ]


def test_two_policies_whose_names_differ_in_case_are_a_fault():
    found = problems(plan_json(role(), NARROW, grants(name="Grants")))
    assert found[-1].endswith("has the name Grants, which another policy of the role has too")


def test_two_roles_of_one_name_are_a_fault():
    found = problems(plan_json(role(), role(description="the same")))
    assert "2 roles are named bedrock-prod-acme; IAM role names are case-insensitive" in found


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
        ("aws_iam_role_policies_exclusive", "is there more than once"),
        ("aws_iam_role_policy", "is there more than once"),
        ("aws_iam_role_policy_attachments_exclusive", "is there more than once"),
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
