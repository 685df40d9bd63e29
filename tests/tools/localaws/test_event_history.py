"""CloudTrail's event history has AssumeRole and the calls of models, those that failed too, with AWS's fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import (
    ACME,
    DEFAULT_PROJECT,
    GLOBEX,
    OPERATIONS,
    assume,
    document,
    make_role,
    refusal,
)

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

MODEL, OTHER_MODEL = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
GRANT = {
    "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
    "Resource": [
        f"arn:aws:bedrock:*::foundation-model/{MODEL}",
        "arn:aws:bedrock:*:*:inference-profile/*",
    ],
}
MESSAGES = [{"role": "user", "content": [{"text": "a secret prompt"}]}]


def found(trail: Any, key: str, value: str, **more: Any) -> list[dict[str, Any]]:
    attribute = {"AttributeKey": key, "AttributeValue": value}
    return list(trail.lookup_events(LookupAttributes=[attribute], **more)["Events"])


def contents(trail: Any, key: str, value: str, **more: Any) -> list[dict[str, Any]]:
    return [json.loads(event["CloudTrailEvent"]) for event in found(trail, key, value, **more)]


def names(trail: Any, **more: Any) -> list[str]:
    events = contents(trail, "EventName", "AssumeRole", **more)
    return [event["requestParameters"]["roleSessionName"] for event in events]


@pytest.fixture
def keys(local_aws: LocalAws) -> dict[str, Any]:
    return {name: local_aws.control.account(name) for name in (OPERATIONS, ACME, GLOBEX)}


@pytest.fixture
def role(connect: Connect, keys: dict[str, Any]) -> str:
    trust = {"Principal": {"AWS": f"arn:aws:iam::{ACME}:root"}}
    return make_role(connect("iam", keys[OPERATIONS]), "tenant", trust, GRANT, DEFAULT_PROJECT)


def test_both_accounts_see_the_calls_that_succeeded_newest_first(
    connect: Connect, keys: dict[str, Any], role: str
) -> None:
    sts = connect("sts", keys[ACME])
    assume(sts, role, RoleSessionName="first")
    assume(sts, role, RoleSessionName="second")
    for name in (OPERATIONS, ACME):
        assert names(connect("cloudtrail", keys[name])) == ["second", "first"]
    trail = connect("cloudtrail", keys[OPERATIONS])
    assert names(trail, MaxResults=1) == ["second"]
    assert names(trail, StartTime=datetime.now(UTC) + timedelta(hours=1)) == []
    assert names(connect("cloudtrail", keys[OPERATIONS], region="eu-west-1")) == []


def test_the_two_accounts_share_an_event_and_the_roles_account_sees_no_arn_of_the_caller(
    connect: Connect, keys: dict[str, Any], role: str
) -> None:
    assume(connect("sts", keys[ACME]), role, ExternalId="an-external-id")
    trails = {name: connect("cloudtrail", keys[name]) for name in (OPERATIONS, ACME)}
    events = {name: contents(trail, "ResourceName", role) for name, trail in trails.items()}
    [owners], [callers] = events[OPERATIONS], events[ACME]
    assert owners["sharedEventID"] == callers["sharedEventID"]
    assert owners["eventID"] != callers["eventID"]
    assert owners["requestParameters"]["externalId"] == "an-external-id"
    assert callers["userIdentity"]["type"] == "IAMUser"
    assert callers["userIdentity"]["arn"].startswith(f"arn:aws:iam::{ACME}:user/")
    identity = owners["userIdentity"]
    assert identity == {
        "type": "AWSAccount",
        "principalId": callers["userIdentity"]["principalId"],
        "accountId": ACME,
    }


def test_a_denied_call_across_accounts_is_seen_by_the_callers_account_alone(
    connect: Connect, keys: dict[str, Any], role: str
) -> None:
    refusal(connect("sts", keys[GLOBEX]).assume_role, RoleArn=role, RoleSessionName="third")
    for name, seen in ((OPERATIONS, 0), (ACME, 0), (GLOBEX, 1)):
        trail = connect("cloudtrail", keys[name])
        events = contents(trail, "EventName", "AssumeRole")
        assert len(events) == seen
        assert found(trail, "ResourceName", role) == []
    [event] = events
    assert event["errorCode"] == "AccessDenied"
    assert (
        f"is not authorized to perform: sts:AssumeRole on resource: {role}"
        in (event["errorMessage"])
    )
    assert event["requestParameters"] is None


def test_a_denied_call_within_the_roles_account_is_seen_there(
    connect: Connect, keys: dict[str, Any], role: str
) -> None:
    refusal(connect("sts", keys[OPERATIONS]).assume_role, RoleArn=role, RoleSessionName="owner")
    [event] = contents(connect("cloudtrail", keys[OPERATIONS]), "EventName", "AssumeRole")
    assert event["errorCode"] == "AccessDenied"
    assert event["userIdentity"]["accountId"] == OPERATIONS


def test_calls_of_models_are_events_of_the_session_without_content(
    connect: Connect, keys: dict[str, Any], role: str
) -> None:
    session = assume(connect("sts", keys[ACME]), role)
    runtime = connect("bedrock-runtime", session)
    runtime.converse(modelId=MODEL, messages=MESSAGES)
    refusal(runtime.converse, modelId=OTHER_MODEL, messages=MESSAGES)
    trail = connect("cloudtrail", keys[OPERATIONS])
    denied, answered = contents(trail, "Username", "acme")
    for event, model in ((denied, OTHER_MODEL), (answered, MODEL)):
        assert event["requestParameters"] == {"modelId": model}
        assert event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role
        assert (event["eventSource"], event["eventName"]) == ("bedrock.amazonaws.com", "Converse")
        assert MESSAGES[0]["content"][0]["text"] not in json.dumps(event)  # type: ignore[index]
    assert denied["errorCode"] == "AccessDenied"
    assert "errorCode" not in answered
    assert found(connect("cloudtrail", keys[ACME]), "Username", "acme") == []


def test_a_profile_serves_calls_in_its_regions_and_the_event_names_another_region(
    connect: Connect, keys: dict[str, Any], role: str
) -> None:
    session = assume(connect("sts", keys[ACME]), role)
    runtime = connect("bedrock-runtime", session)
    for model in (MODEL, f"eu.{MODEL}", f"eu.{MODEL}"):
        runtime.converse(modelId=model, messages=MESSAGES)
    elsewhere, profile, on_demand = contents(
        connect("cloudtrail", keys[OPERATIONS]), "Username", "acme"
    )
    assert "additionalEventData" not in on_demand
    assert "additionalEventData" not in profile
    assert elsewhere["awsRegion"] == "eu-central-1"
    assert elsewhere["additionalEventData"]["inferenceRegion"] in {"eu-north-1", "eu-west-1"}


def test_the_last_use_of_a_role_is_known_and_none_before_its_first_use(
    connect: Connect, keys: dict[str, Any], role: str
) -> None:
    iam = connect("iam", keys[OPERATIONS])
    session = assume(connect("sts", keys[ACME]), role)
    assert "LastUsedDate" not in iam.get_role(RoleName="tenant")["Role"]["RoleLastUsed"]
    connect("sts", session, region="eu-west-1").get_caller_identity()
    use = iam.get_role(RoleName="tenant")["Role"]["RoleLastUsed"]
    assert use["Region"] == "eu-west-1"
    assert datetime.now(UTC) - use["LastUsedDate"] < timedelta(minutes=1)


def test_an_event_is_kept_for_90_days(
    local_aws: LocalAws, connect: Connect, keys: dict[str, Any], role: str
) -> None:
    assume(connect("sts", keys[ACME]), role)
    trail = connect("cloudtrail", keys[OPERATIONS])
    local_aws.control.advance_clock(89 * 86_400)
    assert len(found(trail, "ResourceName", role)) == 1
    local_aws.control.advance_clock(2 * 86_400)
    assert found(trail, "ResourceName", role) == []


def test_events_are_looked_up_with_their_permission_and_by_one_attribute(
    local_aws: LocalAws, connect: Connect
) -> None:
    trail = connect("cloudtrail", local_aws.control.account(OPERATIONS))
    attribute = {"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}
    assert trail.lookup_events(LookupAttributes=[attribute])["Events"] == []
    assert refusal(trail.lookup_events)[0] == "NotImplementedException"
    unknown = {**attribute, "AttributeValue": "StopLogging"}
    assert refusal(trail.lookup_events, LookupAttributes=[unknown])[0] == "NotImplementedException"
    both = refusal(trail.lookup_events, LookupAttributes=[attribute, attribute])[0]
    assert both == "InvalidLookupAttributesException"
    allowed = document({"Action": "cloudtrail:DescribeTrails", "Resource": "*"})
    other = connect("cloudtrail", local_aws.control.account(OPERATIONS, "other", [allowed]))
    assert refusal(other.lookup_events, LookupAttributes=[attribute])[0].startswith("AccessDenied")
