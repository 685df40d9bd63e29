"""The policies in docs/how-to/organization-policies.md refuse what they say, and their exceptions let it pass."""

import json

import pytest

from operations_guard.organization_policy import POLICY
from tests.docs.pages import blocks
from tools.iam.evaluator import Request, evaluate
from tools.iam.policy import Kind, parse_policy

INVOKE = "bedrock:InvokeModel"
MODEL = "arn:aws:bedrock:{}::foundation-model/amazon.nova-lite-v1:0"
PROFILE = "arn:aws:bedrock:eu-central-1:{}:inference-profile/eu.amazon.nova-lite-v1:0"
ROLE = "arn:aws:iam::{}:role/{}"


def model(region, profile=None):
    """The request by which Bedrock authorizes a model, alone or behind a profile."""
    behind = {} if profile is None else {"bedrock:InferenceProfileArn": profile}
    return Request(INVOKE, MODEL.format(region), {"aws:RequestedRegion": region, **behind})


def assume(role, **context):
    keys = {f"aws:{key}": value for key, value in context.items()}
    return Request("sts:AssumeRole", role, keys)


def setting(action, **context):
    """The request for a change of a setting of Bedrock, or of the account."""
    return Request(action, "*", {f"bedrock:{key}": value for key, value in context.items()})


OURS = PROFILE.format("111111111111")
TENANT = ROLE.format("111111111111", "bedrock-prod-acme")
NO_SERVICE = {"PrincipalIsAWSService": "false"}

# Of each policy, requests that it denies, and requests that it leaves to others.
CASES = {
    "content": (
        [
            setting("bedrock:PutModelInvocationLoggingConfiguration"),
            setting("bedrock:PutAccountDataRetention", DataRetentionMode="default"),
            setting("bedrock:PutAccountDataRetention"),
            setting("bedrock:CreateModelInvocationJob"),
            setting("bedrock:CreateProject"),
            setting("organizations:LeaveOrganization"),
            Request(INVOKE, "arn:aws:bedrock:eu-central-1:111111111111:async-invoke/x", {}),
        ],
        [
            model("eu-central-1"),
            model("eu-west-1", OURS),
            Request(INVOKE, "arn:aws:bedrock:eu-central-1:111111111111:project/default", {}),
            setting("bedrock:PutAccountDataRetention", DataRetentionMode="none"),
            setting("bedrock:DeleteModelInvocationLoggingConfiguration"),
            setting("bedrock:CreateInferenceProfile"),
        ],
    ),
    "regions": (
        [
            model("eu-west-1"),
            model("eu-west-1", PROFILE.format("999999999999")),
            Request("ec2:RunInstances", "*", {"aws:RequestedRegion": "eu-west-1"}),
        ],
        [
            model("eu-central-1"),
            model("eu-west-1", OURS),
            model("unspecified", OURS),
            Request(INVOKE, OURS, {"aws:RequestedRegion": "eu-central-1"}),
        ],
    ),
    "roles": (
        [
            assume(ROLE.format("111111111111", "bedrock-prod-globex"), ResourceOrgID="o-x"),
            assume(ROLE.format("333333333333", "bedrock-prod-acme"), ResourceOrgID="o-x"),
        ],
        [
            assume(TENANT, ResourceOrgID="o-operations"),
            assume(ROLE.format("222222222222", "any"), ResourceOrgID="o-customer"),
        ],
    ),
    "principals": (
        [
            assume(TENANT, PrincipalOrgID="o-x", PrincipalAccount="999999999999", **NO_SERVICE),
            assume(TENANT, PrincipalAccount="999999999999", **NO_SERVICE),
        ],
        [
            assume(
                TENANT, PrincipalOrgID="o-customer", PrincipalAccount="222222222222", **NO_SERVICE
            ),
            assume(TENANT, PrincipalAccount="222222222222", **NO_SERVICE),
            assume(
                TENANT, PrincipalOrgID="o-operations", PrincipalAccount="444444444444", **NO_SERVICE
            ),
            assume(TENANT, PrincipalIsAWSService="true"),
        ],
    ),
}


def policies(name, *without):
    """The policy of a block, without the parts of its text that make its exceptions."""
    [block] = blocks("policy", name)
    text = block.text
    for part, replacement in without:
        assert part in text
        text = text.replace(part, replacement)
    kind = Kind.RESOURCE if "Principal" in json.loads(text)["Statement"][0] else Kind.IDENTITY
    return [parse_policy(text, name, kind)]


@pytest.mark.parametrize("name", CASES)
def test_a_policy_denies_what_it_is_for_and_lets_the_tenants_calls_pass(name):
    refused, passed = CASES[name]
    assert [evaluate(policies(name), request).effect for request in refused] == ["Deny"] * len(
        refused
    )
    assert [evaluate(policies(name), request).effect for request in passed] == [None] * len(passed)


def test_the_policy_of_the_page_is_the_file_that_is_compared():
    [block] = blocks("policy", "content")
    assert block.text == POLICY.read_text()


def test_the_policy_fits_into_an_scp():
    # https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
    assert len(POLICY.read_text()) < 5120


EXCEPTIONS = {
    "regions": ("111111111111", "000000000000"),
    "roles": ("role/bedrock-prod-acme", "role/none"),
    "principals": ("222222222222", "000000000000"),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_without_its_exception_a_policy_refuses_the_tenant(name):
    tenant = model("eu-west-1", OURS) if name == "regions" else CASES[name][1][0]
    assert evaluate(policies(name, EXCEPTIONS[name]), tenant).effect == "Deny"
