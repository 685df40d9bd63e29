"""The plan of modules/operations-guard; tests/tools/isolation proves its policies."""

import json
import re

import pytest

from tests.docs.pages import blocks
from tools.release import release_version


@pytest.fixture(scope="module")
def guard(module):
    return module("operations-guard")


@pytest.fixture(scope="module")
def inputs(empty_package):
    return {
        "account_id": "111111111111",
        "environment": "prod",
        "package_path": empty_package,
        "partition": "aws",
    }


@pytest.fixture(scope="module")
def plain(guard, inputs):
    return guard.plan("-var=region=eu-central-1", **inputs)


@pytest.fixture(scope="module")
def closed(guard, inputs):
    return guard.plan(
        "-var=region=us-gov-west-1",
        **{**inputs, "partition": "aws-us-gov"},
        region="us-gov-west-1",
        event_buses=["arn:aws-us-gov:events:us-gov-west-1:222222222222:event-bus/b"],
        lease_minutes=4,
        minutes=2,
        on_failure="closed",
        permissions_boundary="arn:aws-us-gov:iam::111111111111:policy/guard",
        shards=3,
    )


def statements(plan, role):
    policy = json.loads(plan.resource(f'aws_iam_role_policy.this["{role}"]')["policy"])
    return {each["Sid"]: each for each in policy["Statement"]}


def settings(plan, function="guard"):
    values = plan.resource(f'aws_lambda_function.this["{function}"]')
    return json.loads(values["environment"][0]["variables"]["OPERATIONS_GUARD"])


def test_an_open_guard_has_no_lease(plain):
    assert [address for address in plain.addresses if "lease" in address] == []
    assert settings(plain)["lease"] is None
    assert "RenewTheLease" not in statements(plain, "guard")
    assert "LetSchedulerInvokeTheEndOfTheLease" not in statements(plain, "guard")
    assert plain.outputs["lease_function_arn"] is None
    function = "arn:aws:lambda:eu-central-1:111111111111:function:bedrock-prod_guard"
    arns = statements(plain, "scheduler")["InvokeTheGuard"]["Resource"]
    assert arns == [function, f"{function}-verification"]


def test_a_closed_guard_has_a_function_that_can_attach_and_not_detach(closed):
    lease = statements(closed, "lease")
    assert lease["AttachTheDenial"]["Action"] == ["iam:AttachRolePolicy"]
    assert lease["AttachTheDenial"]["Condition"] == {
        "ArnEquals": {
            "iam:PolicyARN": ["arn:aws-us-gov:iam::111111111111:policy/bedrock-prod-quota-reached"]
        }
    }
    function = closed.resource('aws_lambda_function.this["lease"]')
    assert function["handler"] == "operations_guard.lease_end.handler"
    assert settings(closed, "lease") == settings(closed)
    assert settings(closed)["lease"] == {
        "function_arn": "arn:aws-us-gov:lambda:us-gov-west-1:111111111111:function:bedrock-prod_guard-lease",
        "minutes": 4,
        "role_arn": "arn:aws-us-gov:iam::111111111111:role/bedrock-prod_guard-scheduler",
    }
    assert settings(closed)["shards"] == 3


def test_events_go_to_the_accounts_own_bus_and_to_those_that_are_named(plain, closed):
    assert statements(plain, "guard")["SendEvents"]["Resource"] == [
        "arn:aws:events:eu-central-1:111111111111:event-bus/default"
    ]
    assert statements(closed, "guard")["SendEvents"]["Resource"] == [
        "arn:aws-us-gov:events:us-gov-west-1:111111111111:event-bus/default",
        "arn:aws-us-gov:events:us-gov-west-1:222222222222:event-bus/b",
    ]


def test_a_denial_is_one_deny_of_all_that_a_tenant_can_be_granted_of_bedrock(plain):
    actions = [
        "bedrock:ApplyGuardrail",
        "bedrock:CountTokens",
        "bedrock:InvokeModel",
        "bedrock:InvokeModelWithResponseStream",
    ]
    for key, name in (("quota", "quota-reached"), ("alias", "alias-quota-reached")):
        policy = plain.resource(f'aws_iam_policy.denial["{key}"]')
        assert policy["name"] == f"bedrock-prod-{name}"
        (statement,) = json.loads(policy["policy"])["Statement"]
        assert (statement["Effect"], statement["Action"], statement["Resource"]) == (
            "Deny",
            actions,
            "*",
        )
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/quota-reached": "true"}}


def test_every_role_has_the_boundary_and_nothing_attached(closed):
    roles = {address for address in closed.addresses if address.startswith("aws_iam_role.")}
    assert len(roles) == 4
    for address in roles:
        boundary = closed.resource(address)["permissions_boundary"]
        assert boundary == "arn:aws-us-gov:iam::111111111111:policy/guard"
        name = address.removeprefix("aws_iam_role.")
        exclusive = closed.resource(f"aws_iam_role_policy_attachments_exclusive.{name}")
        assert exclusive["policy_arns"] == []


def test_its_names_are_no_tenants(plain):
    """A tenant's name has no underscore, so no tenant's role has such a name, nor may the guard attach to its own."""
    names = {
        plain.resource(address)["name"]
        for address in plain.addresses
        if address.startswith("aws_iam_role.")
    }
    suffixes = ("", "-scheduler", "-verification")
    assert names == {f"bedrock-prod_guard{suffix}" for suffix in suffixes}
    reached = statements(plain, "guard")["AttachAndDetachTheDenials"]["Resource"]
    assert reached == "arn:aws:iam::111111111111:role/bedrock-prod-*"


def test_alarms_tell_of_a_guard_that_fails_and_of_one_that_does_not_run(closed):
    alarms = {
        key: closed.resource(f'aws_cloudwatch_metric_alarm.this["{key}"]')
        for key in ("failed", "silent")
    }
    assert {alarm["period"] for alarm in alarms.values()} == {120}
    assert alarms["failed"]["metric_name"] == "Errors"
    assert alarms["silent"]["treat_missing_data"] == "breaching"
    # Each of the three shards has a schedule of its own, and each of them may be missing.
    assert alarms["silent"]["comparison_operator"] == "LessThanThreshold"
    assert alarms["silent"]["threshold"] == 3
    for alarm in alarms.values():
        assert alarm["alarm_actions"] == [closed.outputs["topic_arn"]]


def test_alarms_tell_of_a_fault_that_was_verified_and_of_days_without_a_verification(closed):
    unclean, unverified = (
        closed.resource(f'aws_cloudwatch_metric_alarm.this["{key}"]')
        for key in ("unclean", "unverified")
    )
    for alarm in (unclean, unverified):
        assert (alarm["namespace"], alarm["metric_name"]) == (
            "TenantBedrock/prod",
            "VerificationFaults",
        )
        assert alarm["period"] == 86_400
        assert alarm["alarm_actions"] == [closed.outputs["topic_arn"]]
    assert (unclean["statistic"], unclean["threshold"]) == ("Maximum", 0)
    # Each of the three shards verifies once a day.
    assert (unverified["statistic"], unverified["threshold"]) == ("SampleCount", 3)
    assert unverified["treat_missing_data"] == "breaching"


def test_the_verification_can_change_nothing_but_its_own_metrics(plain):
    verification = statements(plain, "verification")
    assert verification.keys() == {
        "NotifyTheOperator",
        "ReadServiceControlPolicies",
        "ReadTheDestinationsOfProfiles",
        "ReadWhatMayKeepContent",
        "WriteItsOwnLog",
        "WriteItsOwnMetrics",
    }
    [documented] = blocks("policy", "verify")
    [statement] = json.loads(documented.text)["Statement"]
    reading = [each for sid, each in verification.items() if sid.startswith("Read")]
    assert {action for each in reading for action in each["Action"]} == set(statement["Action"])
    names = [action.partition(":")[2] for action in statement["Action"]]
    assert {re.match("[A-Z][a-z]+", name)[0] for name in names} == {
        "Describe", "Get", "List", "Lookup",
    }  # fmt: skip
    assert verification["WriteItsOwnMetrics"]["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": "TenantBedrock/prod"}
    }


def test_says_which_release_made_it(plain):
    assert plain.outputs["version"] == release_version()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"on_failure": "shut"}, 'on_failure is "open" or "closed", not "shut".'),
        ({"minutes": 0}, "minutes is a whole number from 1 to 60, not 0."),
        ({"minutes": 61, "lease_minutes": 200}, "minutes is a whole number from 1 to 60, not 61."),
        (
            {"lease_minutes": 9},
            "lease_minutes is a whole number of at least 10, twice the 5 minutes between runs, not 9",
        ),
        ({"account_id": "1"}, "account_id is 12 digits in quotes, not 1."),
        (
            {
                "event_buses": [
                    f"arn:aws:events:eu-central-1:{200000000000 + index}:event-bus/{'b' * 60}"
                    for index in range(80)
                ]
            },
            "more than the 10,240 that IAM allows; let fewer stanzas have quota.event_bus.",
        ),
    ],
)
def test_refuses(guard, inputs, wrong, sentence):
    assert sentence in guard.refuses("-var=region=eu-central-1", **{**inputs, **wrong})
