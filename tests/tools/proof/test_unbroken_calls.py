"""Which tenants of a plan are asked for: those that lose a policy statement or an inference profile."""

import json

import pytest

from tools.proof.unbroken_calls import tenants_that_lose_grants

ROLE = 'module.operations_role["acme"].aws_iam_role.this'
PROFILE = 'module.operations_role["acme"].aws_bedrock_inference_profile.tracked["nova/x.y"]'


def policy(*resources, sid="A"):
    statements = [
        {"Sid": f"{sid}{number}", "Effect": "Allow", "Action": ["x:Y"], "Resource": [resource]}
        for number, resource in enumerate(resources)
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def role(text):
    return text and {"assume_role_policy": policy("trust"), "policy": text}


def plan(
    before, after, *, address=ROLE, type_="aws_iam_role", actions=("update",), tenants=("acme",)
):
    change = {"actions": list(actions), "before": before, "after": after}
    return {
        "resource_changes": [
            {"address": address, "mode": "managed", "type": type_, "change": change}
        ],
        "variables": {"tenants": {"value": {key: {} for key in tenants}}},
    }


@pytest.mark.parametrize(
    ("before", "after", "losing"),
    [
        (policy("a"), policy("a"), []),
        (policy("a"), policy("a", "b"), []),
        (policy("a"), policy("a", sid="Renamed"), []),
        (policy("a", "b"), policy("a"), ["acme"]),
        (policy("a"), policy("b"), ["acme"]),
        (policy("a"), None, ["acme"]),  # known only after apply
        (None, policy("a"), []),
    ],
)
def test_only_a_tenant_that_loses_a_statement_is_asked_for(before, after, losing):
    assert tenants_that_lose_grants(plan(role(before), role(after))) == losing


def test_what_aws_has_now_hides_no_loss():
    """A role shows its policies of now on both sides of a change, beside the resource that changes one."""
    role_now = {"assume_role_policy": policy("trust"), "inline_policy": [{"policy": policy("a")}]}
    both = plan(role_now, role_now, actions=("no-op",))
    address = 'module.operations_role["acme"].aws_iam_role_policy.grants'
    before, after = ({"policy": policy(name)} for name in "ab")
    grants = plan(before, after, address=address, type_="aws_iam_role_policy")
    both["resource_changes"] += grants["resource_changes"]
    assert tenants_that_lose_grants(both) == ["acme"]


def test_a_policy_may_be_a_resource_of_its_own():
    address = 'module.operations_role["acme"].aws_iam_role_policy.grants'
    before, after = ({"policy": policy(name)} for name in "ab")
    own = plan(before, after, address=address, type_="aws_iam_role_policy")
    assert tenants_that_lose_grants(own) == ["acme"]


@pytest.mark.parametrize(
    ("actions", "losing"),
    [(("delete",), ["acme"]), (("delete", "create"), ["acme"]), (("no-op",), [])],
)
def test_a_tenant_whose_profile_goes_is_asked_for(actions, losing):
    before = {"arn": "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/abc"}
    after = None if actions == ("delete",) else before
    type_ = "aws_bedrock_inference_profile"
    changed = plan(before, after, address=PROFILE, type_=type_, actions=actions)
    assert tenants_that_lose_grants(changed) == losing


def test_a_tenant_without_a_stanza_loses_its_role_and_is_not_asked_for_its_calls():
    gone = plan(role(policy("a")), None, actions=("delete",), tenants=())
    assert tenants_that_lose_grants(gone) == []
