"""The rules of modules/operations-guard that tell of access: which events they match, and all that they say."""

import json

import pytest
from moto.events.models import EventPattern

from tests.modules.access_events import (
    ACME,
    CANARY,
    DEPLOYER_ROLE,
    DEPLOYER_USER,
    NOT_TOLD,
    OPERATIONS,
    STRANGER,
    TOLD,
    TOPIC,
    account,
    assumed,
)
from tools.localaws.events.event_pattern import check_pattern
from tools.localaws.events.input_transformer import check_target, transformed
from tools.paths import ROOT

EVERY_EVENT = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
RUNBOOKS = "https://docs.example.com/runbooks"
RULE, TARGET = "aws_cloudwatch_event_rule.access", "aws_cloudwatch_event_target.access"


@pytest.fixture(scope="module")
def guard(module):
    return module("operations-guard")


@pytest.fixture(scope="module")
def inputs(empty_package):
    return {
        "account_id": OPERATIONS,
        "customer_accounts": [ACME, "333333333333"],
        "deployers": [DEPLOYER_ROLE, DEPLOYER_USER],
        "environment": "prod",
        "iam_events_region": "us-east-1",
        "on_failure": "closed",
        "package_path": empty_package,
        "partition": "aws",
        "runbooks": RUNBOOKS,
    }


@pytest.fixture(scope="module")
def plan(guard, inputs):
    return guard.plan("-var=region=eu-central-1", **inputs)


def rules_of(plan):
    return {name: plan.resource(f'{RULE}["{name}"]') for name in TOLD}


def matching(plan, event):
    return {
        name
        for name, rule in rules_of(plan).items()
        if EventPattern.load(rule["event_pattern"]).matches_event(event)
    }


def sentence(plan, name, event):
    (transformer,) = plan.resource(f'{TARGET}["{name}"]')["input_transformer"]
    target = {
        "InputTransformer": {
            "InputPathsMap": transformer["input_paths"],
            "InputTemplate": transformer["input_template"],
        }
    }
    check_target(target)
    return json.loads(transformed(target, event))


def test_there_is_an_event_for_each_rule(plan):
    planned = {address for address in plan.addresses if address.startswith(RULE)}
    assert planned == {f'{RULE}["{name}"]' for name in TOLD}


@pytest.mark.parametrize("name", TOLD)
def test_an_event_is_told_by_its_rule_alone_in_a_sentence_with_a_runbook(plan, name):
    check_pattern(rules_of(plan)[name]["event_pattern"])
    for event, part in TOLD[name]:
        assert matching(plan, event) == {name}
        text = sentence(plan, name, event)
        assert part in text
        assert text.endswith(
            f" Region: eu-central-1. What to do: {RUNBOOKS}/access-rules.md#{name}"
        )


@pytest.mark.parametrize("name", NOT_TOLD)
def test_what_concerns_nobody_is_told_by_no_rule(plan, name):
    assert matching(plan, NOT_TOLD[name]) == set()


@pytest.mark.parametrize("name", TOLD)
def test_no_text_that_a_caller_chose_is_in_a_sentence(plan, name):
    for event, _ in TOLD[name]:
        assert CANARY in json.dumps(event)
        assert CANARY not in sentence(plan, name, event)


def test_rules_for_read_only_events_are_in_the_state_that_sees_them(plan):
    states = {name: rule["state"] for name, rule in rules_of(plan).items()}
    reading = {
        name
        for name, events in TOLD.items()
        if any(event["detail"]["readOnly"] for event, _ in events)
    }
    assert {name for name, state in states.items() if state == EVERY_EVENT} == reading
    assert {state for name, state in states.items() if name not in reading} == {"ENABLED"}


def test_the_topic_admits_the_guards_rules_and_alarms_alone(plan):
    policy = json.loads(plan.resource("aws_sns_topic_policy.this")["policy"])
    admitted = {}
    for statement in policy["Statement"]:
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sns:Publish")
        assert statement["Resource"] == TOPIC
        (sources,) = statement["Condition"]["ArnEquals"].values()
        admitted[statement["Principal"]["Service"]] = sorted(sources)
    place = f"eu-central-1:{OPERATIONS}"
    assert admitted == {
        "cloudwatch.amazonaws.com": [
            f"arn:aws:cloudwatch:{place}:alarm:bedrock-prod_guard-{name}"
            for name in ("failed", "silent", "unclean", "unverified")
        ],
        "events.amazonaws.com": [
            f"arn:aws:events:{place}:rule/bedrock-prod_guard-{name}" for name in sorted(TOLD)
        ],
    }


def test_each_rule_has_its_part_of_the_runbook():
    text = (ROOT / "docs" / "runbooks" / "access-rules.md").read_text()
    headings = {line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")}
    assert set(TOLD) <= headings


def test_with_more_accounts_than_a_pattern_holds_callers_of_the_own_account_are_told(guard, inputs):
    many = [f"{200000000000 + number}" for number in range(101)]
    plan = guard.plan("-var=region=eu-central-1", **{**inputs, "customer_accounts": many})
    events = [event for event, _ in TOLD["assumed-roles"]]
    assert [matching(plan, event) for event in events] == [set(), *[{"assumed-roles"}] * 4]
    most = guard.plan("-var=region=eu-central-1", **{**inputs, "customer_accounts": many[:100]})
    check_pattern(rules_of(most)["assumed-roles"]["event_pattern"])
    assert matching(most, assumed(account(STRANGER))) == {"assumed-roles"}
    assert matching(most, assumed(account(many[0]))) == set()


def test_the_longest_names_leave_room_for_the_accounts_of_a_pattern(guard, inputs):
    many = [f"{200000000000 + number}" for number in range(100)]
    longest = {"environment": "e" * 16, "partition": "aws-us-gov", "customer_accounts": many}
    plan = guard.plan("-var=region=us-gov-east-1", **{**inputs, **longest, "deployers": []})
    assert len(rules_of(plan)["assumed-roles"]["event_pattern"]) <= 2048


def test_rules_that_are_switched_off_are_not_there_and_alarms_still_tell(guard, inputs):
    plan = guard.plan("-var=region=eu-central-1", **{**inputs, "access_rules": False})
    assert [address for address in plan.addresses if "event_rule" in address] == []
    assert plan.outputs["forwarder_role_arn"] is None
    policy = json.loads(plan.resource("aws_sns_topic_policy.this")["policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["OnlyTheGuardsAlarmsPublish"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"runbooks": 'https://example.com/"a'},
            "runbooks is an address of at most 200 characters",
        ),
        (
            {"deployers": [f"arn:aws:iam::{OPERATIONS}:role/{'d' * 60}{n}" for n in range(20)]},
            "more than the 2,048 that EventBridge allows; let fewer identities deploy",
        ),
    ],
)
def test_refuses(guard, inputs, wrong, words):
    assert words in guard.refuses("-var=region=eu-central-1", **{**inputs, **wrong})
