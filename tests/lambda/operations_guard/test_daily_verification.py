"""The function that verifies every day, on the local Lambda with the permissions that `make verify` needs."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from operations_guard.daily_verification import FAULTS, NAMESPACE, UNREAD
from operations_guard.guard_input import GuardInputError
from operations_guard.verification_input import read_verification_input
from tests.docs.pages import blocks
from tests.guard_functions import guard_package, guard_settings, guard_trust
from tools.bench.guarded_tenants import (
    ACCOUNT,
    ENVIRONMENT,
    GUARD,
    REGION,
    TOPIC,
    GuardedTenants,
    document,
)
from tools.localaws.local_aws import LocalAws

NAME = f"{GUARD}-verification"
NEAR = "eu-west-1"
HOUR = timedelta(hours=1)
SETTINGS = guard_settings(lease=None)
INPUT = {
    "account": ACCOUNT,
    "environment": ENVIRONMENT,
    "partition": "aws",
    "profiles": {},
    "region": REGION,
    "regions": [REGION, NEAR],
    "shard": 0,
    "shards": 1,
    "tenants": ["acme"],
    "trail_regions": [REGION],
    "worldwide": False,
}
[DOCUMENTED] = blocks("policy", "verify")


class Verification:
    """The function in an account that keeps nothing, and the operator's mailbox."""

    def __init__(self, tenants):
        self.tenants = tenants
        self.iam = tenants.client("iam")
        self.queue = tenants.client("sqs").create_queue(QueueName="operator")["QueueUrl"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:operator"
        tenants.client("sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=queue)
        for region in (REGION, NEAR):
            self.bedrock(region).put_account_data_retention(mode="none")
        self.iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=guard_trust("lambda"))
        self.grant(
            *json.loads(DOCUMENTED.text)["Statement"],
            {
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": f"{NAMESPACE}/dev"}},
            },
            {"Action": "sns:Publish", "Resource": TOPIC},
        )
        tenants.client("lambda").create_function(
            FunctionName=NAME,
            Code={"ZipFile": guard_package()},
            Environment={"Variables": {"OPERATIONS_GUARD": json.dumps(SETTINGS)}},
            Handler="operations_guard.daily_verification.handler",
            Role=f"arn:aws:iam::{ACCOUNT}:role/{NAME}",
            Runtime="python3.13",
            Timeout=300,
        )

    def bedrock(self, region=REGION):
        session = self.tenants.admin
        keys = session.get_credentials()
        regional = boto3.Session(keys.access_key, keys.secret_key, region_name=region)
        return self.tenants.client("bedrock", regional)

    def grant(self, *statements):
        self.iam.put_role_policy(
            RoleName=NAME, PolicyName="verification", PolicyDocument=document(*statements)
        )

    def run(self, **changes):
        answer = self.tenants.client("lambda").invoke(
            FunctionName=NAME, Payload=json.dumps({**INPUT, **changes})
        )
        return json.loads(answer["Payload"].read())

    def messages(self):
        answer = self.tenants.client("sqs").receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10
        )
        bodies = [json.loads(message["Body"]) for message in answer.get("Messages", ())]
        return [(body["Subject"], body["Message"]) for body in bodies]

    def metric(self, name):
        metrics = self.tenants.client("cloudwatch").get_metric_data(
            StartTime=datetime.now(UTC) - HOUR,
            EndTime=datetime.now(UTC) + HOUR,
            MetricDataQueries=[
                {
                    "Id": "m",
                    "MetricStat": {
                        "Metric": {"Namespace": f"{NAMESPACE}/dev", "MetricName": name},
                        "Period": 3600,
                        "Stat": "Maximum",
                    },
                }
            ],
        )
        return metrics["MetricDataResults"][0]["Values"]


@pytest.fixture
def verification():
    with LocalAws() as local_aws:
        tenants = GuardedTenants(local_aws.control)
        tenants.prepare()
        tenants.add_tenant("acme", "fast")
        yield Verification(tenants)


def test_an_account_that_keeps_nothing_has_no_fault_and_tells_nobody(verification):
    answer = verification.run()
    assert (answer["faults"], answer["not_read"]) == (0, 0)
    assert answer["lines"] > 10
    assert (verification.metric(FAULTS), verification.metric(UNREAD)) == ([0], [0])
    assert verification.messages() == []


def test_the_operator_is_told_of_a_fault_in_words_with_what_to_do(verification):
    verification.bedrock(NEAR).put_account_data_retention(mode="default")
    answer = verification.run()
    assert answer["faults"] == 1
    assert verification.metric(FAULTS) == [1]
    [(subject, message)] = verification.messages()
    assert subject == "Memorylessness: 1 fault in dev"
    assert (
        f'- data retention: the mode in {NEAR} is "default". Run `make bootstrap`, which sets it'
        in message
    )
    assert "make bootstrap" in message
    assert "make verify ENV=dev" in message
    verification.bedrock(NEAR).put_account_data_retention(mode="none")
    assert verification.run()["faults"] == 0
    assert verification.messages() == []


def test_a_fault_that_nobody_could_be_told_is_in_the_metric_of_the_alarm(verification):
    verification.bedrock().put_account_data_retention(mode="default")
    denied = {"Effect": "Deny", "Action": "sns:Publish", "Resource": "*"}
    verification.iam.put_role_policy(
        RoleName=NAME, PolicyName="denied", PolicyDocument=document(denied)
    )
    assert "sns:Publish" in verification.run()["errorMessage"]
    assert verification.metric(FAULTS) == [1]


def test_what_is_denied_is_counted_and_hides_no_fault(verification):
    verification.bedrock().put_account_data_retention(mode="default")
    denied = {"Effect": "Deny", "Action": "bedrock:ListAgents", "Resource": "*"}
    verification.iam.put_role_policy(
        RoleName=NAME, PolicyName="denied", PolicyDocument=document(denied)
    )
    answer = verification.run()
    assert (answer["faults"], answer["not_read"]) == (1, 2)
    assert verification.metric(UNREAD) == [2]


def test_the_schedule_of_another_number_of_shards_verifies_nothing(verification):
    verification.bedrock().put_account_data_retention(mode="default")
    assert verification.run(shards=2) == {"lines": 0}
    assert verification.messages() == []


def test_with_the_global_profile_every_region_of_bedrock_is_verified():
    regions = read_verification_input({**INPUT, "worldwide": True}).account.regions
    assert set(regions) == set(boto3.Session().get_available_regions("bedrock", "aws"))
    assert read_verification_input(INPUT).account.regions == (REGION, NEAR)


@pytest.mark.parametrize(
    "wrong", [[], None, {**INPUT, "regions": REGION}, {**INPUT, "shard": "0"}, {"account": ACCOUNT}]
)
def test_an_input_that_terraform_does_not_write_is_refused(wrong):
    with pytest.raises(
        GuardInputError, match="apply the operations account again|not a JSON object"
    ):
        read_verification_input(wrong)
