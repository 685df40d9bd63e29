"""No part of a plan may be missing, null or of another type without a sentence that names it."""

import json

import pytest

from tests.tools.isolation.small_plan import STANZA, grants, plan_json, resource, role
from tools.isolation import plan_reader
from tools.isolation.claims import claims_for
from tools.isolation.plan_reader import PlanError
from tools.isolation.prover import prove

MISSING = object()
REPLACEMENTS = (MISSING, None, "x", 7, True, [], {}, [None], ["x"], [{}], {"x": None}, {"x": "y"})
MAX_PARTS = 400  # of one real plan, each with one replacement


def parts(container, path=()):
    """Yield each part of a JSON document: what contains it, its key there, and its path."""
    for key in list(container) if isinstance(container, dict) else range(len(container)):
        yield container, key, (*path, key)
        if isinstance(container[key], dict | list):
            yield from parts(container[key], (*path, key))


def is_read(path):
    """Whether the proof reads the part: the rest of a plan is for Terraform alone."""
    return path[0] in (
        "variables",
        "resource_changes",
        "configuration",
        "planned_values",
        "output_changes",
        "prior_state",
        "checks",
    )


def findings_of(plan, **options):
    """The claims and the faults, or the sentence that refuses the plan."""
    try:
        case = claims_for(plan_reader.read(plan, **options))
    except PlanError as error:
        return str(error)
    return case.claims, case.faults


def crashes(plan, most_parts=None, **options):
    """Yield the path and the replacement of each part that ends in anything but a finding."""
    selection = [part for part in parts(plan) if is_read(part[2])]
    step = max(1, len(selection) // (most_parts or len(selection)))
    for number, (container, key, path) in enumerate(selection[::step]):
        original = container[key]
        turn = number % len(REPLACEMENTS)
        for replacement in REPLACEMENTS[turn : turn + 1] if most_parts else REPLACEMENTS:
            if replacement is not MISSING:
                container[key] = replacement
            elif isinstance(container, dict):
                del container[key]
            try:
                findings_of(plan, **options)
            except Exception as error:  # noqa: BLE001 - any error is the defect that the test is about
                yield path, replacement, repr(error)
            container[key] = original


@pytest.mark.parametrize("root", ["operations", "acme 222222222222", "everything 666666666666"])
def test_no_part_of_a_real_plan_ends_in_a_traceback(plans, root):
    assert list(crashes(json.loads(json.dumps(plans[root])), MAX_PARTS)) == []


EVERYTHING = {
    **STANZA,
    "accounts": {
        "222222222222": {
            "readers": ["arn:aws:iam::222222222222:user/ann"],
            "region": "eu-central-1",
            "vpc": {"id": "vpc-1", "security_group_ids": ["sg-1"], "subnet_ids": ["subnet-1"]},
        }
    },
    "guardrail": {
        "arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc123",
        "previous": {
            "arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc123",
            "version": "6",
        },
        "version": "7",
    },
    "models": {
        "claude": {
            "model": "anthropic.claude",
            "previous": {
                "destinations": ["eu-central-1"],
                "model": "anthropic.claude-before",
                "profile": "eu.",
                "regions": ["eu-central-1"],
                "route": "geographic",
                "track": True,
            },
            "profile": "eu.",
            "regions": ["eu-central-1"],
            "route": "geographic",
            "track": True,
        }
    },
    "perimeter": {"networks": ["203.0.113.0/24"], "vpc_endpoints": ["vpce-1"]},
}


def profile(**arguments):
    values = {
        "name": "bedrock-prod-acme_claude_bb35",
        "model_source": [{"copy_from": "arn:aws:bedrock:eu-central-1:111111111111:x"}],
        "tags_all": {"tenant": "acme"},
        **arguments,
    }
    return resource("aws_bedrock_inference_profile", values, {"model_source": [{}]}, name="claude")


def customer_resources():
    group, key = {"name": "/aws/lambda/bedrock-prod-acme"}, {"policy": "{}"}
    endpoint = {"service_name": "com.amazonaws.eu-central-1.sts", "policy": "{}"}
    return [
        role(name="bedrock-prod-acme-execution"),
        resource("aws_cloudwatch_log_group", group, name="log"),
        resource("aws_kms_key", key, name="key"),
        resource("aws_vpc_endpoint", endpoint, name="sts"),
    ]


def test_no_part_of_a_small_plan_ends_in_a_traceback():
    operations = plan_json(role(), profile(), tenants={"acme": EVERYTHING})
    customer = plan_json(
        *customer_resources(),
        tenants={"acme": EVERYTHING},
        tenant="acme",
        account_id="222222222222",
    )
    for plan in (operations, customer):
        assert isinstance(findings_of(plan), tuple)
        assert list(crashes(plan)) == []


def test_no_part_of_the_state_ends_in_a_traceback():
    plan = plan_json(role(), profile(), tenants={"acme": EVERYTHING})
    existing = [
        {
            "address": item["address"],
            "mode": "managed",
            "type": item["type"],
            "values": item["change"]["after"],
        }
        for item in plan["resource_changes"]
    ]
    module = {"address": "module.a", "resources": existing}
    plan["prior_state"] = {"values": {"root_module": {"child_modules": [module]}}}
    assert list(crashes(plan, state=True)) == []


def problems(plan):
    proof = prove(claims_for(plan_reader.read(plan)))
    assert not proof.holds
    return [fault.problem for fault in proof.case.faults]


SOURCE = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
TRACKED = {**STANZA, "models": {"nova": {**STANZA["models"]["nova"], "track": True}}}


@pytest.mark.parametrize(
    ("sources", "problem"),
    [
        ([], "is [] instead of [{"),
        (None, "is null instead of [{"),
        (7, "is 7 instead of [{"),
        ([{"copy_from": SOURCE}] * 2, "is [{"),
        ([[]], "is [] instead of an object"),
        ([{}], "has a wrong copy_from: it is null instead of"),
        ([{"copy_from": None}], "has a wrong copy_from: it is null instead of"),
        ([{"copy_from": [SOURCE]}], "has a wrong copy_from: it is ["),
    ],
)
def test_a_profile_without_one_source_is_a_fault_with_its_name(sources, problem):
    tags = {"alias": "nova", "environment": "prod", "tenant": "acme"}
    nova = profile(
        name="bedrock-prod-acme_nova_ca29", tags=tags, tags_all=tags, model_source=sources
    )
    (fault,) = problems(plan_json(role(), nova, tenants={"acme": TRACKED}))
    label = "the profile bedrock-prod-acme_nova_ca29 (aws_bedrock_inference_profile.claude)"
    assert fault.startswith(f"model_source of {label} {problem}")


@pytest.mark.parametrize(
    ("tenant", "account"),
    [("acme", "999999999999"), ("globex", "222222222222"), (None, "222222222222"), ("acme", None)],
)
def test_an_account_that_is_in_no_stanza_is_a_fault_with_its_name(tenant, account):
    plan = plan_json(*customer_resources(), tenant=tenant, account_id=account)
    assert problems(plan) == [
        f"no stanza of prod has the account {account} for the tenant {tenant}"
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"models": {"nova": {"model": 7, "regions": []}}}, "{}.models.nova.model is a number instead of text"),
        ({"models": None}, "{}.models is null"),
        ({"external_ids": []}, "{}.external_ids is a list instead of an object"),
        ({"perimeter": {"networks": ["here"]}},
         "{}.perimeter.networks[0] is 'here' instead of a network in CIDR notation"),
        ({"accounts": {"22": {}}},
         "a key of {}.accounts is '22' instead of an account ID of 12 digits"),
        ({"accounts": {"222222222222": {"readers": ["ann"]}}},
         "{}.accounts.222222222222.readers[0] is 'ann' instead of an ARN"),
    ],
)  # fmt: skip
def test_a_malformed_stanza_is_refused_with_its_path(change, sentence):
    plan = plan_json(role(), tenants={"acme": {**STANZA, **change}})
    assert (
        findings_of(plan)
        == f"the plan's variables do not describe an environment: {sentence.format('tenants.acme')}"
    )


@pytest.mark.parametrize("text", ["{", "1" * 5000, "[" * 3000, "\ud800", '{"Version": 1}'])
def test_a_policy_that_cannot_be_read_is_a_fault(text):
    plan = plan_json(role(), grants(text))
    assert problems(plan)


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [100, 300, 900, 2000])
def test_a_value_that_is_nested_deeply_is_a_fault_or_refused(levels):
    for argument in ("tags", "max_session_duration", "inline_policy", "name"):
        findings = findings_of(plan_json(role(**{argument: nested(levels)})))
        assert isinstance(findings, str) or findings[1]


def test_a_functions_settings_with_a_name_twice_are_a_fault(plans):
    plan = json.loads(json.dumps(plans["everything 666666666666"]))
    (function,) = (
        item["change"]["after"]
        for item in plan["resource_changes"]
        if item["type"] == "aws_lambda_function"
    )
    variables = function["environment"][0]["variables"]
    settings = variables["TENANT_BEDROCK"]
    variables["TENANT_BEDROCK"] = settings.replace("{", '{"role_arn": "x", ', 1)
    assert json.loads(variables["TENANT_BEDROCK"]) == json.loads(settings)
    _, faults = findings_of(plan)
    assert any("instead of JSON text that has each element once" in f.problem for f in faults)


def test_a_region_that_does_not_exist_is_refused():
    operations = {"account_id": "111111111111", "region": "here"}
    assert "'here', which is not a Region" in findings_of(plan_json(role(), operations=operations))


def test_a_resource_that_is_planned_without_a_change_is_refused():
    plan = plan_json(role())
    planned = {
        "address": "aws_s3_bucket.b",
        "mode": "managed",
        "type": "aws_s3_bucket",
        "values": {},
    }
    plan["planned_values"] = {"root_module": {"resources": [planned]}}
    assert findings_of(plan) == "aws_s3_bucket.b is planned, but resource_changes does not have it"
    plan["resource_changes"].append(resource("aws_s3_bucket", {}, name="b"))
    _, (fault,) = findings_of(plan)
    assert "is not on the list of reviewed types" in fault.problem


@pytest.mark.parametrize(
    "key", ["aws:ResourceTag/a|b", "aws:ResourceTag/a\\b", "aws:ResourceTag/é"]
)
def test_a_condition_key_that_no_solver_can_read_is_not_decided(key):
    condition = {"StringEquals": {key: "a"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    plan = plan_json(role(), grants(policy))
    (failure,) = prove(claims_for(plan_reader.read(plan))).failures
    assert "has a character that is not modelled" in failure.problem
