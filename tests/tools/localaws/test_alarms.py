"""Alarms of the local AWS: AWS's rules for missing data, and what a topic is told."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.tools.localaws.aws import OPERATIONS
from tools.localaws.cloudwatch.alarms import ALARM, OK, UNKNOWN

TOPIC = f"arn:aws:sns:eu-central-1:{OPERATIONS}:operator"
NAME = "failures"
METRIC = {"Namespace": "Test", "MetricName": "Failures"}
KEPT = "the state before"


@pytest.fixture
def operator(local_aws, connect):
    """The clients of an administrator by service, and a queue that gets what the topic is told."""
    keys = local_aws.control.account(OPERATIONS)
    clients = {service: connect(service, keys) for service in ("cloudwatch", "sns", "sqs")}
    clients["sns"].create_topic(Name="operator")
    queue = clients["sqs"].create_queue(QueueName="operator")["QueueUrl"]
    arn = f"arn:aws:sqs:eu-central-1:{OPERATIONS}:operator"
    clients["sns"].subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)
    return clients, queue


def put_alarm(operator, **settings):
    clients, _ = operator
    clients["cloudwatch"].put_metric_alarm(
        **METRIC,
        AlarmName=NAME,
        AlarmDescription="Calls fail.",
        AlarmActions=[TOPIC],
        OKActions=[TOPIC],
        **{
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 3,
            "Period": 60,
            "Statistic": "Sum",
            "Threshold": 0,
            **settings,
        },
    )


def put_points(operator, periods):
    """Put a point into each period that has one: "X" breaches, "0" does not; the last one is the newest."""
    clients, _ = operator
    for age, character in enumerate(reversed(periods)):
        if character != "-":
            time = datetime.now(UTC) - timedelta(seconds=60 * age + 30)
            point = {"MetricName": "Failures", "Timestamp": time, "Value": int(character == "X")}
            clients["cloudwatch"].put_metric_data(Namespace="Test", MetricData=[point])


def state(operator):
    clients, _ = operator
    [alarm] = clients["cloudwatch"].describe_alarms(AlarmNames=[NAME])["MetricAlarms"]
    return alarm["StateValue"]


def told(operator):
    clients, queue = operator
    messages = clients["sqs"].receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in messages.get("Messages", ())]


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html has this table.
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


@pytest.mark.parametrize(
    ("periods", "states"),
    [
        ("0-X-X", (OK, OK, OK, OK)),
        ("0----", (OK, OK, OK, OK)),
        ("-----", (UNKNOWN, KEPT, ALARM, OK)),
        ("0XX-X", (ALARM, ALARM, ALARM, ALARM)),
        ("--X--", (ALARM, KEPT, ALARM, OK)),
    ],
)
def test_missing_data_is_treated_as_aws_treats_it(local_aws, operator, periods, states):
    put_points(operator, periods)
    for treatment, wanted in zip(TREATMENTS, states, strict=True):
        for before in (OK, ALARM):
            put_alarm(operator, TreatMissingData=treatment)
            operator[0]["cloudwatch"].set_alarm_state(
                AlarmName=NAME, StateValue=before, StateReason="The test sets it."
            )
            local_aws.control.post("evaluate_alarms", {})
            assert state(operator) == (before if wanted is KEPT else wanted), treatment


def test_a_topic_is_told_once_when_the_state_changes_and_when_it_changes_back(local_aws, operator):
    put_alarm(operator, EvaluationPeriods=1, TreatMissingData="notBreaching")
    assert local_aws.control.post("evaluate_alarms", {}) == []
    put_points(operator, "X")
    for changes in (1, 0):
        assert len(local_aws.control.post("evaluate_alarms", {})) == changes
    local_aws.control.advance_clock(3600)
    [change] = local_aws.control.post("evaluate_alarms", {})
    assert (change["state"], change["state_before"]) == (OK, ALARM)
    alarm, fine = told(operator)
    assert alarm["Subject"] == 'ALARM: "failures" in eu-central-1'
    assert json.loads(alarm["Message"])["AlarmDescription"] == "Calls fail."
    assert json.loads(fine["Message"])["NewStateValue"] == OK


def test_a_point_without_a_time_is_of_the_local_clock(local_aws, operator):
    put_alarm(operator, EvaluationPeriods=1, TreatMissingData="notBreaching")
    local_aws.control.advance_clock(86_400)
    point = {"MetricName": "Failures", "Value": 1}
    operator[0]["cloudwatch"].put_metric_data(Namespace="Test", MetricData=[point])
    assert [each["state"] for each in local_aws.control.post("evaluate_alarms", {})] == [ALARM]


@pytest.mark.parametrize("admitted", [True, False])
def test_a_topic_with_a_policy_of_its_own_is_told_if_the_policy_admits_the_alarm(
    local_aws, operator, admitted
):
    other = "" if admitted else "-other"
    statement = {
        "Effect": "Allow",
        "Action": "sns:Publish",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Resource": TOPIC,
        "Condition": {
            "ArnEquals": {
                "aws:SourceArn": f"arn:aws:cloudwatch:eu-central-1:{OPERATIONS}:alarm:{NAME}{other}"
            }
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    operator[0]["sns"].set_topic_attributes(
        TopicArn=TOPIC, AttributeName="Policy", AttributeValue=policy
    )
    put_alarm(operator, EvaluationPeriods=1)
    put_points(operator, "X")
    local_aws.control.post("evaluate_alarms", {})
    assert state(operator) == ALARM
    assert len(told(operator)) == int(admitted)
