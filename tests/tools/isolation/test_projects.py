"""The default project is granted, and nothing that reads, makes or loosens a project.

Each change is of one statement of a plan that is proved, and its counterexample is a request that the
change allows or forbids.
"""

import json

import pytest

from tests.tools.isolation.small_plan import INVOKE, PROJECT, STANZA, grants, plan_json, role
from tools.iam.evaluator import evaluate
from tools.isolation import plan_reader, predicate
from tools.isolation.claims import claims_for
from tools.isolation.prover import prove

ARN = "arn:aws:bedrock:{}:{}:project/{}"
DEFAULT = PROJECT["Resource"]
STREAM = "bedrock:InvokeModelWithResponseStream"
QUIET = {
    **STANZA,
    "models": {"nova": {**STANZA["models"]["nova"], "streaming": False}},
}
INSIDE = {**STANZA, "perimeter": {"networks": ["203.0.113.0/24"]}}
GUARDRAIL = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc"
GUARDED = {**STANZA, "guardrail": {"arn": GUARDRAIL, "version": "1"}}
OFFICE = {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}
NAMED = {"StringEquals": {"bedrock:GuardrailIdentifier": f"{GUARDRAIL}:1"}}


def proof_of(statements, stanza=STANZA):
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    plan = plan_json(role(), grants(policy), tenants={"acme": stanza})
    return prove(claims_for(plan_reader.read(plan)))


def counterexample(statements, stanza=STANZA):
    """The only counterexample, on which the policy and the specification differ."""
    (outcome,) = proof_of(statements, stanza).failures
    example = outcome.counterexample
    assert evaluate(outcome.claim.policies, example.request).allowed == example.allowed
    assert predicate.holds(outcome.claim.specification, example.request) != example.allowed
    return example


def test_the_default_project_beside_the_model_is_proved():
    assert proof_of([INVOKE, PROJECT]).holds


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("arn:aws:bedrock:eu-central-1:111111111111:project/*", "project/"),
        ("arn:aws:bedrock:eu-central-1:111111111111:project/default*", "project/default"),
        (ARN.format("eu-central-1", "111111111111", "proj_1234"), "project/proj_1234"),
        (ARN.format("eu-central-1", "222222222222", "default"), ":222222222222:project/default"),
        (ARN.format("eu-central-1", "*", "default"), ":project/default"),
        (ARN.format("us-east-1", "111111111111", "default"), ":us-east-1:"),
        (ARN.format("*", "111111111111", "default"), ":project/default"),
        ("arn:*:bedrock:eu-central-1:111111111111:project/default", ":project/default"),
        ("*", ""),
    ],
)
def test_another_project_is_refuted(resource, allowed):
    example = counterexample([INVOKE, {**PROJECT, "Resource": [DEFAULT, resource]}])
    assert example.allowed
    assert allowed in example.request.resource
    assert example.request.resource != DEFAULT


# The actions of Bedrock that read what a project stores, or that make, change or loosen a project, data
# retention or an enrolment; as botocore 1.44.8 and the service authorization reference name them.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
FORBIDDEN = [
    "ArchiveProject",
    "CancelInvoke",
    "CreateProject",
    "DeleteAccountDataRetentionStorage",
    "DeleteInvoke",
    "DeleteOrganizationDataRetentionStorage",
    "DeleteProjectDataRetentionStorage",
    "GetInvoke",
    "PutAccountDataRetention",
    "PutAccountDataRetentionStorage",
    "PutOrganizationDataRetentionStorage",
    "PutProjectDataRetentionStorage",
    "PutTrustedAccessProgramAccountEnrollment",
    "PutTrustedAccessProgramOrganizationEnrollment",
    "PutTrustedAccessProgramProjectEnrollment",
    "StartTrustedAccessProgramAccountApplication",
    "StartTrustedAccessProgramOrganizationApplication",
    "StartTrustedAccessProgramProjectApplication",
    "UpdateProject",
]


@pytest.mark.parametrize("action", FORBIDDEN)
def test_an_action_that_reads_makes_or_loosens_a_project_is_refuted(action):
    more = {**PROJECT, "Action": [*PROJECT["Action"], f"bedrock:{action}"]}
    example = counterexample([INVOKE, more])
    assert (example.allowed, example.request.action) == (True, f"bedrock:{action}")


@pytest.mark.parametrize(
    ("statements", "action"),
    [
        ([INVOKE], None),
        ([INVOKE, {**PROJECT, "Action": ["bedrock:InvokeModel"]}], STREAM),
        ([INVOKE, {**PROJECT, "Action": [STREAM]}], "bedrock:InvokeModel"),
        ([INVOKE, PROJECT, {**PROJECT, "Effect": "Deny"}], None),
        ([INVOKE, {**PROJECT, "Resource": DEFAULT.replace("default", "Default")}], None),
    ],
    ids=["no statement", "no streaming", "streaming alone", "a Deny", "another spelling"],
)
def test_a_call_that_would_be_refused_on_the_project_is_a_counterexample(statements, action):
    example = counterexample(statements)
    # Where both verdicts are wrong, the solver may find either.
    if "Default" not in str(statements):
        assert not example.allowed
        assert example.request.resource == DEFAULT
        assert action in (None, example.request.action)


def test_streaming_on_the_project_alone_is_refuted_where_no_alias_streams():
    quiet = [{**each, "Action": ["bedrock:InvokeModel"]} for each in (INVOKE, PROJECT)]
    assert proof_of(quiet, QUIET).holds
    example = counterexample([quiet[0], PROJECT], QUIET)
    assert (example.allowed, example.request.action) == (True, STREAM)


def test_the_perimeter_is_on_the_project_too():
    inside = [{**each, "Condition": OFFICE} for each in (INVOKE, PROJECT)]
    assert proof_of(inside, INSIDE).holds
    example = counterexample([inside[0], PROJECT], INSIDE)
    assert (example.allowed, example.request.resource) == (True, DEFAULT)


def test_the_guardrail_is_on_the_model_and_not_on_the_project():
    apply = {"Effect": "Allow", "Action": "bedrock:ApplyGuardrail", "Resource": GUARDRAIL}
    guarded = {**INVOKE, "Condition": NAMED}
    assert proof_of([apply, guarded, PROJECT], GUARDED).holds
    example = counterexample([apply, INVOKE, PROJECT], GUARDED)
    assert (example.allowed, example.request.resource) == (True, INVOKE["Resource"])
    example = counterexample([apply, guarded, {**PROJECT, "Condition": NAMED}], GUARDED)
    assert (example.allowed, example.request.resource) == (False, DEFAULT)


@pytest.mark.parametrize("key", ["bedrock:ModelArn", "bedrock:ProjectArn"])
@pytest.mark.parametrize("test", ["Null", "StringLike"])
@pytest.mark.parametrize("on", [INVOKE, PROJECT], ids=["model", "project"])
def test_a_condition_that_not_every_call_meets_is_refuted(key, test, on):
    """AWS documents both keys for stateful calls alone, so an Allow must not depend on either."""
    condition = {test: {key: {"Null": "true", "StringLike": "*"}[test]}}
    statements = [
        {**each, "Condition": condition} if each is on else each for each in (INVOKE, PROJECT)
    ]
    example = counterexample(statements)
    assert (example.allowed, example.request.resource) == (False, on["Resource"])
