"""EventBridge's rules on CloudTrail's events: what reaches a topic or another bus, and what does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import OPERATIONS, document, make_role, refusal
from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws
    from tools.localaws.sts.sessions import Credentials

REGION, IAM_REGION = "eu-central-1", "us-east-1"
MODEL = "amazon.nova-lite-v1:0"
DEFAULT_BUS = f"arn:aws:events:{REGION}:{OPERATIONS}:event-bus/default"
TOPIC = f"arn:aws:sns:{REGION}:{OPERATIONS}:told"
EVERY_EVENT = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
SECONDS = 61  # after which CloudTrail's events are at EventBridge
TRANSFORMER = {
    "InputPathsMap": {"name": "$.detail.eventName", "none": "$.detail.nothing.here"},
    "InputTemplate": '"<name> was called<none>."',
}


class Watched:
    """An operations account with a trail, a topic and an administrator."""

    def __init__(self, local_aws: LocalAws, connect: Connect, keys: Credentials) -> None:
        self.control, self.keys, self._connect = local_aws.control, keys, connect
        connect("s3", keys).create_bucket(
            Bucket="trail", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.trails = connect("cloudtrail", keys)
        self.trails.create_trail(Name="all", S3BucketName="trail", IsMultiRegionTrail=True)
        self.trails.start_logging(Name="all")
        connect("sns", keys).create_topic(Name="told")

    def client(self, service: str, region: str = REGION) -> Any:
        return self._connect(service, self.keys, region)

    def admit(self, *rules: str) -> None:
        """Let EventBridge publish to the topic for these rules alone."""
        sources = [f"arn:aws:events:{REGION}:{OPERATIONS}:rule/{rule}" for rule in rules]
        policy = document(
            {
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": TOPIC,
                "Condition": {"ArnEquals": {"aws:SourceArn": sources}},
            }
        )
        self.client("sns").set_topic_attributes(
            TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps(policy)
        )

    def rule(
        self, pattern: dict[str, Any], name: str = "rule", state: str = "ENABLED", **target: Any
    ) -> None:
        """Make a rule for the topic or, in the Region of IAM's events, for another ``target``."""
        events = self.client("events", IAM_REGION if target else REGION)
        target = target or {"Arn": TOPIC, "InputTransformer": TRANSFORMER}
        events.put_rule(Name=name, EventPattern=json.dumps(pattern), State=state)
        events.put_targets(Rule=name, Targets=[{"Id": "one", **target}])

    def deliveries(self) -> list[dict[str, str]]:
        self.control.advance_clock(SECONDS)
        found: list[dict[str, str]] = self.control.post("deliver_events", {})
        return found

    def told(self) -> list[str]:
        topic = backend("sns", OPERATIONS, REGION).topics[TOPIC]
        return [json.loads(text) for _, text, *_ in topic.sent_notifications]


def called(*names: str) -> dict[str, Any]:
    return {"detail": {"eventName": list(names)}}


@pytest.fixture
def watched(local_aws: LocalAws, connect: Connect) -> Watched:
    watched = Watched(local_aws, connect, local_aws.control.account(OPERATIONS))
    watched.deliveries()
    return watched


def log_nothing(watched: Watched) -> None:
    watched.client("bedrock").delete_model_invocation_logging_configuration()


def test_a_matching_call_is_told_after_the_delay(watched: Watched) -> None:
    watched.admit("rule")
    watched.rule(called("DeleteModelInvocationLoggingConfiguration"))
    log_nothing(watched)
    assert watched.control.post("deliver_events", {}) == []
    (delivery,) = watched.deliveries()
    assert (delivery["target"], delivery["error"]) == (TOPIC, "")
    assert watched.told() == ["DeleteModelInvocationLoggingConfiguration was called."]
    assert watched.deliveries() == []


def test_a_call_that_does_not_match_is_not_told(watched: Watched) -> None:
    watched.admit("rule")
    watched.rule(called("PutModelInvocationLoggingConfiguration"))
    log_nothing(watched)
    assert watched.deliveries() == []


def test_the_topics_policy_admits_a_rule_or_it_tells_nobody(watched: Watched) -> None:
    watched.rule(called("DeleteModelInvocationLoggingConfiguration"))
    log_nothing(watched)
    (refused,) = watched.deliveries()
    assert "does not allow events.amazonaws.com to publish" in refused["error"]
    watched.admit("other")
    log_nothing(watched)
    (refused,) = watched.deliveries()
    assert refused["error"]
    assert watched.told() == []


def test_a_disabled_rule_tells_nothing(watched: Watched) -> None:
    watched.admit("rule")
    watched.rule(called("DeleteModelInvocationLoggingConfiguration"), state="DISABLED")
    log_nothing(watched)
    assert watched.deliveries() == []


def test_read_only_events_reach_rules_in_one_state_alone(watched: Watched) -> None:
    watched.admit("rule", "every")
    watched.rule(called("AssumeRole", "Converse"))
    role = make_role(
        watched.client("iam"), "tenant", {"Principal": {"AWS": f"arn:aws:iam::{OPERATIONS}:root"}}
    )
    watched.client("sts").assume_role(RoleArn=role, RoleSessionName="someone")
    assert watched.deliveries() == []
    watched.rule(called("AssumeRole", "Converse"), "every", EVERY_EVENT)
    watched.client("sts").assume_role(RoleArn=role, RoleSessionName="someone")
    watched.client("bedrock-runtime").converse(
        modelId=MODEL, messages=[{"role": "user", "content": [{"text": "a secret prompt"}]}]
    )
    assert len(watched.deliveries()) == 2
    assert watched.told() == ["AssumeRole was called.", "Converse was called."]
    assert watched.control.search("a secret prompt") == {}


def test_without_a_trail_that_logs_nothing_is_told(watched: Watched) -> None:
    watched.admit("rule")
    watched.rule(called("DeleteModelInvocationLoggingConfiguration", "StopLogging"))
    watched.trails.stop_logging(Name="all")
    log_nothing(watched)
    assert len(watched.deliveries()) == 1
    assert watched.told() == ["StopLogging was called."]
    watched.trails.start_logging(Name="all")
    log_nothing(watched)
    assert len(watched.deliveries()) == 1


@pytest.mark.parametrize(
    ("selectors", "number"),
    [
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly"}]}, 1),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}, 0),
        ({"EventSelectors": [{"IncludeManagementEvents": False}]}, 0),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
                ]
            },
            1,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}
                ]
            },
            0,
        ),
    ],
)
def test_a_trail_logs_what_its_selectors_say(
    watched: Watched, selectors: dict[str, Any], number: int
) -> None:
    watched.admit("rule")
    watched.rule(called("DeleteModelInvocationLoggingConfiguration"))
    watched.trails.put_event_selectors(TrailName="all", **selectors)
    log_nothing(watched)
    assert len(watched.deliveries()) == number


def test_an_event_of_iam_is_in_its_own_region_and_is_forwarded_by_a_role_that_may(
    watched: Watched,
) -> None:
    watched.admit("rule")
    pattern = called("CreateRole")
    watched.rule(pattern)
    may = {"Action": "events:PutEvents", "Resource": DEFAULT_BUS}
    trust = {"Principal": {"Service": "events.amazonaws.com"}}
    iam = watched.client("iam")
    roles = {
        "cannot": make_role(iam, "cannot-events", trust),
        "forward": make_role(iam, "forward-events", trust, may),
        "other": make_role(
            iam, "other-events", {"Principal": {"Service": "sns.amazonaws.com"}}, may
        ),
    }
    assert watched.deliveries() == []
    for name, role in roles.items():
        watched.rule(pattern, name, Arn=DEFAULT_BUS, RoleArn=role)
    make_role(iam, "another", trust)
    results = {each["rule"].rpartition("/")[2]: each["error"] for each in watched.deliveries()}
    assert "is not authorized to perform: events:PutEvents" in results.pop("cannot")
    assert "has no role that trusts events.amazonaws.com" in results.pop("other")
    assert results == {"forward": "", "rule": ""}
    assert watched.told() == ["CreateRole was called."]


def test_nobody_puts_an_event_that_says_it_is_of_aws(watched: Watched) -> None:
    entry = {"DetailType": "AWS API Call via CloudTrail", "Detail": "{}"}
    events = watched.client("events")
    code, _ = refusal(events.put_events, Entries=[{**entry, "Source": "aws.iam"}])
    assert code == "NotAuthorizedForSourceException"
    assert events.put_events(Entries=[{**entry, "Source": "own"}])["FailedEntryCount"] == 0


def test_an_event_that_is_put_reaches_the_rules_of_its_bus_at_once(watched: Watched) -> None:
    watched.admit("rule")
    watched.rule({"source": ["own"], "detail": {"number": [{"numeric": [">", 1]}]}})
    for number in (1, 2):
        entry = {"Source": "own", "DetailType": "d", "Detail": json.dumps({"number": number})}
        watched.client("events").put_events(Entries=[entry])
    assert watched.told() == [" was called."]


@pytest.mark.parametrize(
    "pattern",
    [
        {"detail": {"a": [{"begins-with": "b"}]}},
        {"detail": {"a": [{"anything-but": {"begins-with": "b"}}]}},
        {"detail": {"a": "b"}},
        {"detail": {"a": []}},
        {"$or": [{"a": ["b"]}]},
        {"detail": {"a": ["b" * 2048]}},
    ],
)
def test_a_pattern_that_is_not_matched_as_aws_does_is_refused(
    watched: Watched, pattern: dict[str, Any]
) -> None:
    events = watched.client("events")
    code, _ = refusal(events.put_rule, Name="rule", EventPattern=json.dumps(pattern))
    assert code == "InvalidEventPatternException"


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "{}"},
        {"InputTransformer": {"InputPathsMap": {}, "InputTemplate": '"<other>"'}},
        {"InputTransformer": {"InputTemplate": '"<aws.events.event.json>"'}},
        {"InputTransformer": {"InputPathsMap": {"a": "$.b[0]"}, "InputTemplate": '"<a>"'}},
        {"InputTransformer": {"InputPathsMap": {"a": "$.b"}, "InputTemplate": "<a>"}},
    ],
)
def test_input_that_is_not_transformed_as_aws_does_is_refused(
    watched: Watched, target: dict[str, Any]
) -> None:
    events = watched.client("events")
    events.put_rule(Name="rule", EventPattern='{"source": ["own"]}')
    code, _ = refusal(
        events.put_targets, Rule="rule", Targets=[{"Id": "one", "Arn": TOPIC, **target}]
    )
    assert code == "ValidationException"


def test_a_role_of_a_target_has_to_be_passed(local_aws: LocalAws, connect: Connect) -> None:
    admin = local_aws.control.account(OPERATIONS)
    role = make_role(
        connect("iam", admin), "forward", {"Principal": {"Service": "events.amazonaws.com"}}
    )
    connect("events", admin).put_rule(Name="rule", EventPattern='{"source": ["own"]}')
    put = {"Action": "events:PutTargets", "Resource": "*"}
    passing = {
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "events.amazonaws.com"}},
    }
    target = {"Id": "one", "Arn": DEFAULT_BUS, "RoleArn": role}
    keys = local_aws.control.account(OPERATIONS, user="someone", policies=[document(put)])
    events = connect("events", keys)
    assert refusal(events.put_targets, Rule="rule", Targets=[target])[0] == "AccessDeniedException"
    local_aws.control.account(OPERATIONS, user="someone", policies=[document(put, passing)])
    assert events.put_targets(Rule="rule", Targets=[target])["FailedEntryCount"] == 0
