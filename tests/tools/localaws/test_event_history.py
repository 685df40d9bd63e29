"""CloudTrail's event history has each AssumeRole that succeeded, in both accounts and in one Region."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.tools.localaws.aws import ACME, GLOBEX, OPERATIONS, assume, document, make_role, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

ASSUMED = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}]}


def names(trail: Any, **more: Any) -> list[str]:
    events = trail.lookup_events(**ASSUMED, **more)["Events"]
    contents = [json.loads(event["CloudTrailEvent"]) for event in events]
    return [content["requestParameters"]["roleSessionName"] for content in contents]


def test_both_accounts_see_the_calls_that_succeeded_newest_first(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys = {name: local_aws.control.account(name) for name in (OPERATIONS, ACME, GLOBEX)}
    trust = {"Principal": {"AWS": f"arn:aws:iam::{ACME}:root"}}
    role = make_role(connect("iam", keys[OPERATIONS]), "tenant", trust)
    sts = connect("sts", keys[ACME])
    assume(sts, role, RoleSessionName="first")
    assume(sts, role, RoleSessionName="second")
    refusal(connect("sts", keys[GLOBEX]).assume_role, RoleArn=role, RoleSessionName="third")
    for name, seen in (
        (OPERATIONS, ["second", "first"]),
        (ACME, ["second", "first"]),
        (GLOBEX, []),
    ):
        assert names(connect("cloudtrail", keys[name])) == seen
    trail = connect("cloudtrail", keys[OPERATIONS])
    assert names(trail, MaxResults=1) == ["second"]
    assert names(trail, StartTime=datetime.now(UTC) + timedelta(hours=1)) == []
    assert names(connect("cloudtrail", keys[OPERATIONS], region="eu-west-1")) == []


def test_events_are_looked_up_with_their_permission_and_by_one_name(
    local_aws: LocalAws, connect: Connect
) -> None:
    trail = connect("cloudtrail", local_aws.control.account(OPERATIONS))
    assert refusal(trail.lookup_events)[0] == "NotImplementedException"
    allowed = document({"Action": "cloudtrail:DescribeTrails", "Resource": "*"})
    other = connect("cloudtrail", local_aws.control.account(OPERATIONS, "other", [allowed]))
    assert refusal(other.lookup_events, **ASSUMED)[0].startswith("AccessDenied")
