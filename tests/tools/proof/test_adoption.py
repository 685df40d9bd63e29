"""What exists in AWS although a plan would create it: found by its name, and adopted only with our tags."""

import json
from types import SimpleNamespace

import boto3
import pytest

from tools.localaws.faults import Fault
from tools.localaws.local_aws import LocalAws
from tools.proof.adoption import ExistingObjects
from tools.terraform.state import State

ACCOUNT, OPERATIONS, REGION = "222222222222", "111111111111", "eu-central-1"
TAGS = {"environment": "local", "managed-by": "terraform", "tenant": "acme"}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ],
    }
)
WORKLOAD = "module.customer_workload"


class Target:
    """The accounts of a local AWS, reached as their owners."""

    def __init__(self, cloud):
        self._cloud = cloud

    def operations(self):
        return self._session(OPERATIONS)

    def deployer(self, account):
        return self._session(account.account_id)

    def client(self, session, service, region=None):
        return session.client(service, region_name=region, endpoint_url=self._cloud.url)

    def _session(self, account_id):
        keys = self._cloud.control.account(account_id, user="owner")
        return boto3.Session(keys.access_key_id, keys.secret_access_key, region_name=REGION)


@pytest.fixture(scope="module")
def cloud():
    with LocalAws() as cloud:
        target = Target(cloud)
        owner = target.deployer(SimpleNamespace(account_id=ACCOUNT))
        iam = target.client(owner, "iam")
        tags = [{"Key": name, "Value": text} for name, text in TAGS.items()]
        iam.create_role(RoleName="ours", AssumeRolePolicyDocument=TRUST, Tags=tags)
        iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=TRUST)
        logs = target.client(owner, "logs")
        logs.create_log_group(logGroupName="/ours", tags=TAGS)
        logs.create_log_group(logGroupName="/ours/longer", tags=TAGS)
        logs.create_log_group(logGroupName="/other", tags={**TAGS, "tenant": "globex"})
        ec2 = target.client(owner, "ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        bedrock = target.client(target.operations(), "bedrock")
        bedrock.create_inference_profile(
            inferenceProfileName="bedrock-local-acme_nova",
            modelSource={
                "copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
            },
            tags=[{"key": name, "value": text} for name, text in TAGS.items()],
        )
        cloud.vpc = vpc
        cloud.objects = lambda state: ExistingObjects(
            SimpleNamespace(
                accounts_of=lambda *_: [SimpleNamespace(account_id=ACCOUNT, region=REGION)],
                operations_region=REGION,
            ),
            target,
            state,
        )
        yield cloud


CUSTOMER = State("customer", "c.tfstate", f"acme {ACCOUNT}", {"account_id": ACCOUNT}, tenant="acme")
OPERATIONS_STATE = State("operations", "operations.tfstate", "operations account")


def creation(address, actions=("create",), **planned):
    change = {"actions": list(actions), "after": {"tags_all": TAGS, **planned}}
    return {
        "address": address,
        "type": address.split(".")[-2],
        "mode": "managed",
        "change": change,
    }


def found(cloud, *items, state=CUSTOMER):
    return cloud.objects(state).find({"resource_changes": list(items)})


def test_a_role_and_a_log_group_with_our_tags_are_found_by_their_names(cloud):
    assert found(
        cloud,
        creation(f"{WORKLOAD}.aws_iam_role.execution", name="ours"),
        creation(f"{WORKLOAD}.aws_cloudwatch_log_group.records", name="/ours"),
    ) == {
        f"{WORKLOAD}.aws_iam_role.execution": "ours",
        f"{WORKLOAD}.aws_cloudwatch_log_group.records": "/ours",
    }


def test_what_does_not_exist_is_created(cloud):
    assert (
        found(
            cloud,
            creation("aws_iam_role.this", name="absent"),
            creation("aws_cloudwatch_log_group.records", name="/our"),
            creation("aws_lambda_function.this", function_name="absent"),
            creation("aws_lambda_alias.live", name="live", function_name="absent"),
            creation(
                "aws_vpc_endpoint.this",
                vpc_id=cloud.vpc,
                service_name=f"com.amazonaws.{REGION}.sts",
            ),
        )
        == {}
    )


@pytest.mark.parametrize(
    ("address", "name"),
    [("aws_iam_role.this", "theirs"), ("aws_cloudwatch_log_group.records", "/other")],
)
def test_what_somebody_else_made_is_left_alone_and_named(cloud, capsys, address, name):
    assert found(cloud, creation(address, name=name)) == {}
    assert f"{name} exists and does not have the tags" in capsys.readouterr().err


def test_what_the_state_knows_is_not_looked_up(cloud):
    known = creation("aws_iam_role.this", actions=("update",), name="ours")
    replaced = creation("aws_iam_role.this", actions=("delete", "create"), name="ours")
    before = len(cloud.control.calls(service="iam"))
    assert found(cloud, known, replaced) == {}
    assert len(cloud.control.calls(service="iam")) == before


def test_many_roles_are_found_with_one_list(cloud):
    names = [*(f"absent-{number}" for number in range(20)), "ours"]
    before = len(cloud.control.calls(service="iam"))
    items = [creation(f'm["{name}"].aws_iam_role.this', name=name) for name in names]
    assert found(cloud, *items) == {'m["ours"].aws_iam_role.this': "ours"}
    actions = [call.action for call in cloud.control.calls(service="iam")[before:]]
    assert actions == ["iam:ListRoles", "iam:GetRole"]


def test_a_profile_is_found_in_the_operations_account(cloud):
    address = 'module.operations_role["acme"].aws_bedrock_inference_profile.tracked["nova"]'
    item = creation("x.aws_bedrock_inference_profile.tracked", name="bedrock-local-acme_nova")
    [id_] = found(cloud, {**item, "address": address}, state=OPERATIONS_STATE).values()
    assert id_


def test_a_look_up_that_is_refused_is_said_and_the_plan_creates(cloud, capsys):
    cloud.control.fault(Fault("iam", "GetRole", code="AccessDenied", status=403))
    assert found(cloud, creation("aws_iam_role.this", name="ours")) == {}
    cloud.control.clear_faults()
    assert "aws_iam_role.this exists already could not be looked up" in capsys.readouterr().err
