"""The deployer's own policy in the local AWS: what it could claim is refused, beside what it needs.

The policy is the golden one of tests/modules, which Terraform renders, with the ids of moto's default VPC.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import ACME, assume, refusal
from tools.command_error import CommandError
from tools.live.network_interfaces import LONGEST_WAIT, function_interfaces, wait_until_deleted
from tools.paths import ROOT

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

GOLDEN = Path(ROOT, "tests", "modules", "golden", "customer-deployer-aws.json")
NAME = "bedrock-prod-acme"
BOUNDARY = f"arn:aws:iam::{ACME}:policy/bedrock/workload-boundary"
TAGS = {"environment": "prod", "tenant": "acme"}
LOGS_SERVICE = "com.amazonaws.eu-central-1.logs"


def key_values(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": text} for name, text in tags.items()]


class Account:
    """Acme's account with an owner, the deployer and what was there before."""

    def __init__(self, local_aws: LocalAws, connect: Connect) -> None:
        self._connect, self._owner = connect, local_aws.control.account(ACME)
        ec2 = self.owner("ec2")
        (vpc,) = ec2.describe_vpcs()["Vpcs"]
        self.vpc = vpc["VpcId"]
        self.subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        self.group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        text = GOLDEN.read_text().replace("vpc-0123456789abcdef0", self.vpc)
        text = text.replace("subnet/subnet-1", f"subnet/{self.subnet}")
        documents = json.loads(text.replace("security-group/sg-1", f"security-group/{self.group}"))
        iam = self.owner("iam")
        self.trust = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACME}}
                ],
            }
        )
        arn = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=self.trust)["Role"][
            "Arn"
        ]
        permissions = json.dumps(documents["permissions"])
        iam.put_role_policy(RoleName="deployer", PolicyName="deployer", PolicyDocument=permissions)
        iam.create_policy(
            PolicyName="workload-boundary",
            Path="/bedrock/",
            PolicyDocument=json.dumps(documents["boundary"]),
        )
        self._deployer = assume(self.owner("sts"), arn)

    def owner(self, service: str) -> Any:
        return self._connect(service, self._owner)

    def deployer(self, service: str) -> Any:
        return self._connect(service, self._deployer)

    def endpoint(self, client: Any, tags: dict[str, str], service: str = LOGS_SERVICE) -> str:
        """Create an endpoint and return its id."""
        specification = [{"ResourceType": "vpc-endpoint", "Tags": key_values(tags)}]
        answer = client.create_vpc_endpoint(
            VpcEndpointType="Interface",
            VpcId=self.vpc,
            ServiceName=service,
            SubnetIds=[self.subnet],
            SecurityGroupIds=[self.group],
            **({"TagSpecifications": specification} if tags else {}),
        )
        return str(answer["VpcEndpoint"]["VpcEndpointId"])


@pytest.fixture
def account(local_aws: LocalAws, connect: Connect) -> Account:
    return Account(local_aws, connect)


def test_a_key_is_found_by_its_alias_and_cannot_be_claimed(account: Account) -> None:
    owner, kms = account.owner("kms"), account.deployer("kms")
    own, other = (owner.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    owner.create_alias(AliasName=f"alias/{NAME}", TargetKeyId=own)
    owner.create_alias(AliasName="alias/other", TargetKeyId=other)
    assert kms.describe_key(KeyId=f"alias/{NAME}")["KeyMetadata"]["KeyId"] == own

    tags = [{"TagKey": name, "TagValue": text} for name, text in TAGS.items()]
    policy = owner.get_key_policy(KeyId=own, PolicyName="default")["Policy"]
    for call, parameters in (
        (kms.describe_key, {"KeyId": other}),
        (kms.describe_key, {"KeyId": own}),
        (kms.describe_key, {"KeyId": "alias/other"}),
        (kms.tag_resource, {"KeyId": other, "Tags": tags}),
        (kms.create_key, {"Tags": tags}),
        (kms.put_key_policy, {"KeyId": own, "PolicyName": "default", "Policy": policy}),
        (kms.create_alias, {"AliasName": f"alias/{NAME}-2", "TargetKeyId": other}),
        (kms.schedule_key_deletion, {"KeyId": own}),
    ):
        assert refusal(call, **parameters)[0] == "AccessDeniedException"


def test_a_key_is_created_with_tags_only_by_who_may_tag(
    local_aws: LocalAws, connect: Connect
) -> None:
    allow = {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    kms = connect("kms", local_aws.control.account(ACME, user="creator", policies=[policy]))
    kms.create_key()
    _, message = refusal(kms.create_key, Tags=[{"TagKey": "tenant", "TagValue": "acme"}])
    assert "kms:TagResource" in message


def test_an_endpoint_is_managed_by_who_created_it_and_cannot_be_claimed(account: Account) -> None:
    owner, ec2 = account.owner("ec2"), account.deployer("ec2")
    own, other = account.endpoint(ec2, TAGS), account.endpoint(owner, {})
    development = account.endpoint(owner, {**TAGS, "environment": "dev"})
    ec2.create_tags(Resources=[own], Tags=key_values({"Name": "logs"}))
    for tags in (TAGS, {"tenant": "acme"}):
        refused = refusal(ec2.create_tags, Resources=[other], Tags=key_values(tags))
        assert refused[0] == "UnauthorizedOperation"
    for id_ in (other, development):
        for call, parameters in (
            (ec2.delete_vpc_endpoints, {"VpcEndpointIds": [id_]}),
            (ec2.modify_vpc_endpoint, {"VpcEndpointId": id_}),
            (ec2.delete_tags, {"Resources": [id_], "Tags": key_values(TAGS)}),
            (ec2.delete_vpc_endpoints, {"VpcEndpointIds": [own, id_]}),
        ):
            assert refusal(call, **parameters)[0] == "UnauthorizedOperation"
    ec2.modify_vpc_endpoint(VpcEndpointId=own)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[own])


@pytest.mark.parametrize(
    ("tags", "service"),
    [
        ({}, LOGS_SERVICE),
        ({"tenant": "acme"}, LOGS_SERVICE),
        ({**TAGS, "environment": "dev"}, LOGS_SERVICE),
        (TAGS, "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0"),
        (TAGS, "com.amazonaws.eu-central-1.s3"),
    ],
    ids=str,
)
def test_an_endpoint_of_another_kind_is_refused(
    account: Account, tags: dict[str, str], service: str
) -> None:
    ec2 = account.deployer("ec2")
    refused = refusal(account.endpoint, client=ec2, tags=tags, service=service)
    assert refused[0] == "UnauthorizedOperation"


def test_a_role_is_changed_by_who_created_it_and_cannot_be_claimed(account: Account) -> None:
    owner, iam = account.owner("iam"), account.deployer("iam")
    allow = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    wide = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    policy = {"PolicyName": "p", "PolicyDocument": wide}
    role = {"AssumeRolePolicyDocument": account.trust}
    own = {"RoleName": f"{NAME}-execution"}
    iam.create_role(**own, **role, PermissionsBoundary=BOUNDARY)
    iam.put_role_policy(**own, **policy)
    iam.update_assume_role_policy(**own, PolicyDocument=account.trust)
    # Before the deployer, somebody made a role with a name of the workload.
    existing = {"RoleName": f"{NAME}-reader"}
    owner.create_role(**existing, **role)
    # Somebody attached a policy by hand.
    attached = {"PolicyArn": BOUNDARY}
    for name in (own, existing):
        owner.attach_role_policy(**name, **attached)
    iam.detach_role_policy(**own, **attached)
    for call, parameters in (
        (iam.attach_role_policy, {**own, **attached}),
        (iam.detach_role_policy, {**existing, **attached}),
        (iam.put_role_policy, {**existing, **policy}),
        (iam.update_assume_role_policy, {**existing, "PolicyDocument": account.trust}),
        (iam.put_role_permissions_boundary, {**existing, "PermissionsBoundary": BOUNDARY}),
        (iam.delete_role, existing),
        (iam.delete_role_permissions_boundary, own),
        (iam.create_role, {"RoleName": f"{NAME}-unmasker", **role}),
        (iam.create_role, {"RoleName": "app", **role, "PermissionsBoundary": BOUNDARY}),
        (iam.put_role_policy, {"RoleName": "deployer", **policy}),
    ):
        assert refusal(call, **parameters)[0] == "AccessDenied"
    iam.delete_role_policy(**own, PolicyName="p")
    iam.delete_role(**own)


def test_log_groups_are_managed_and_neither_read_nor_copied(account: Account) -> None:
    logs = account.deployer("logs")
    group = "/bedrock/prod/acme/records"
    logs.create_log_group(logGroupName=group)
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    logs.describe_log_groups()
    account.owner("logs").create_log_group(logGroupName="other")
    for call, parameters in (
        (logs.put_retention_policy, {"logGroupName": "other", "retentionInDays": 1}),
        (logs.filter_log_events, {"logGroupName": group}),
        (
            logs.put_subscription_filter,
            {
                "logGroupName": group,
                "filterName": "copy",
                "filterPattern": "",
                "destinationArn": f"arn:aws:lambda:eu-central-1:{ACME}:function:{NAME}",
            },
        ),
    ):
        assert refusal(call, **parameters)[0] == "AccessDeniedException"


def test_the_interfaces_of_the_function_are_waited_for_and_no_others(account: Account) -> None:
    owner, ec2 = account.owner("ec2"), account.deployer("ec2")
    network = {"subnet_ids": [account.subnet]}

    def interface(function: str) -> str:
        answer = owner.create_network_interface(
            SubnetId=account.subnet,
            Groups=[account.group],
            Description=f"AWS Lambda VPC ENI-{function}-0f1e2d3c-1111-2222-3333-444455556666",
        )
        return str(answer["NetworkInterface"]["NetworkInterfaceId"])

    interface_id, waits = interface(NAME), []
    interface("another-function")
    interface(f"{NAME}-eu")  # of a tenant whose name begins with the same word

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:  # as Lambda does
            owner.delete_network_interface(NetworkInterfaceId=interface_id)

    assert function_interfaces(ec2, NAME, network) == [interface_id]
    sentences: list[str] = []
    wait_until_deleted(lambda: function_interfaces(ec2, NAME, network), sentences.append, sleep)
    assert len(waits) == 3
    assert sentences == ["Waiting until Lambda has deleted 1 network interfaces (0 min)"]


def test_the_role_stays_when_the_interfaces_do() -> None:
    waits: list[float] = []
    with pytest.raises(CommandError, match="The execution role remains, because Lambda needs it"):
        wait_until_deleted(lambda: ["eni-1"], lambda _: None, waits.append)
    assert sum(waits) == LONGEST_WAIT
