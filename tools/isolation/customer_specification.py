"""Specify what a tenant's stanza grants in a customer account: by its roles, key and VPC endpoints.

Like operations_specification.py, this is independent of the Terraform module that it checks.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import botocore.session

from tools.isolation.operations_specification import APPLY_GUARDRAIL, COUNT, INVOKE, STREAM
from tools.isolation.predicate import Absent, AllOf, AnyOf, Not, OneOf, Predicate, StartsWith

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.isolation.operations_specification import Stanza, Tenant

WRITE = ("logs:CreateLogStream", "logs:PutLogEvents")
READ = (
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetQueryResults",
    "logs:StartQuery",
)

# Actions that administer a key. None of them encrypts, decrypts or grants others the use of the key.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-administrators
KEY_ADMIN = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
KEY_ADMIN_PREFIXES = ("kms:Describe", "kms:Disable", "kms:Enable", "kms:List")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
KEY_USE_PREFIXES = (
    "kms:Decrypt",
    "kms:Describe",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncrypt",
)


@dataclass(frozen=True)
class Workload:
    """A tenant in one of its customer accounts."""

    tenant: Tenant
    account: str

    @property
    def stanza(self) -> Stanza:
        """The part of the tenant's stanza that is about this account."""
        stanza: Stanza = self.tenant.stanza["accounts"][self.account]
        return stanza

    @property
    def region(self) -> str:
        """The Region of the function and of the records."""
        region: str = self.stanza.get("region") or self.tenant.environment.region
        return region

    @property
    def boundary_arn(self) -> str:
        """The permissions boundary of the workload's roles, which the customer has made."""
        environment, base = self.tenant.environment, self.tenant.base_name
        default = f"arn:{environment.partition}:iam::{self.account}:policy/{base}-boundary"
        return str(self.stanza.get("permissions_boundary") or default)

    @property
    def has_function(self) -> bool:
        """Whether there is a function; a tenant that is being offboarded keeps only its records."""
        return self.tenant.stanza.get("state") != "offboarding"

    @property
    def roles(self) -> dict[str, tuple[Predicate, Predicate]]:
        """The trust and the permissions of each role, by the role's name."""
        base = self.tenant.base_name
        roles = {}
        # In a VPC, Lambda deletes the interfaces of the function after it, with the role's rights.
        if self.has_function or self.stanza.get("vpc"):
            roles[f"{base}-execution"] = (execution_trust(), execution_permissions(self))
        if readers := self.stanza.get("readers"):
            roles[f"{base}-reader"] = (trust_in(readers), reader_permissions(self))
        if unmaskers := self.stanza.get("unmaskers"):
            roles[f"{base}-unmasker"] = (trust_in(unmaskers), unmasker_permissions(self))
        return roles

    @property
    def endpoints(self) -> dict[str, Predicate]:
        """The requests that each VPC endpoint accepts, by service."""
        vpc = self.stanza.get("vpc") or {}
        if not (self.has_function and vpc.get("id")):
            return {}
        by_function = OneOf("aws:principalarn", self.tenant.callers[self.account])
        endpoints: dict[str, Predicate] = {
            "logs": AllOf(by_function, _write(self)),
            "sts": AllOf(by_function, _assume_role(self)),
        }
        models = self.tenant.stanza["models"].values()
        if any(self.region in model["regions"] for model in models):
            # The role's own policy says which models and guardrails it may use.
            by_role = OneOf("aws:principalarn", self.tenant.role_arn)
            actions = OneOf("action", APPLY_GUARDRAIL, COUNT, INVOKE, STREAM)
            endpoints["bedrock-runtime"] = AllOf(by_role, actions)
        return endpoints

    @property
    def groups(self) -> tuple[str, str]:
        """The ARNs of its two log groups: the function's log and the records."""
        env, base_name = self.tenant.environment, self.tenant.base_name
        prefix = f"arn:{env.partition}:logs:{self.region}:{self.account}:log-group:"
        return (
            f"{prefix}/aws/lambda/{base_name}",
            f"{prefix}/bedrock/{env.name}/{self.tenant.name}/records",
        )


@functools.cache
def dns_suffix(partition: str) -> str:
    """Return the DNS suffix of a partition's services, from botocore's table."""
    resolver = botocore.session.get_session().get_component("endpoint_resolver")
    return str(resolver.get_partition_dns_suffix(partition))


def execution_trust() -> Predicate:
    """Only Lambda may assume the execution role."""
    return AllOf(OneOf("action", "sts:AssumeRole"), OneOf("caller.service", "lambda.amazonaws.com"))


def execution_permissions(workload: Workload) -> Predicate:
    """The function may assume one role and write to two log groups; Lambda may manage its network."""
    calls = [_assume_role(workload), _write(workload)] if workload.has_function else []
    return AnyOf(*calls, *_network(workload))


def trust_in(principals: Sequence[str]) -> Predicate:
    """Only the listed principals, of any account, may assume the role."""
    return AllOf(OneOf("action", "sts:AssumeRole"), OneOf("aws:principalarn", *principals))


def reader_permissions(workload: Workload) -> Predicate:
    """A reader may read both log groups, which include spilled records, and nothing else."""
    return AllOf(OneOf("action", *READ), _in_log_groups(workload))


def unmasker_permissions(workload: Workload) -> Predicate:
    """An unmasker may read the same as a reader, including masked values."""
    return AllOf(OneOf("action", *READ, "logs:Unmask"), _in_log_groups(workload))


def key(workload: Workload) -> Predicate:
    """The account may administer the key but not use it; CloudWatch Logs uses it for the two groups."""
    partition = workload.tenant.environment.partition
    dns = dns_suffix(partition)
    # The ARN of a user or a role belongs to iam, and that of a federated user to sts.
    arn_prefixes = (f"arn:{partition}:{issuer}::{workload.account}:" for issuer in ("iam", "sts"))
    administration = AllOf(
        AnyOf(*(StartsWith("aws:principalarn", prefix) for prefix in arn_prefixes)),
        AnyOf(
            OneOf("action", *KEY_ADMIN),
            *(StartsWith("action", prefix) for prefix in KEY_ADMIN_PREFIXES),
        ),
    )
    encryption = AllOf(
        OneOf("caller.service", f"logs.{workload.region}.{dns}"),
        OneOf("kms:encryptioncontext:aws:logs:arn", *workload.groups),
        AnyOf(*(StartsWith("action", prefix) for prefix in KEY_USE_PREFIXES)),
    )
    return AnyOf(administration, encryption)


def _in_log_groups(workload: Workload) -> Predicate:
    streams = (StartsWith("resource", f"{group}:") for group in workload.groups)
    return AnyOf(OneOf("resource", *workload.groups), *streams)


def _write(workload: Workload) -> Predicate:
    streams = (StartsWith("resource", f"{group}:log-stream:") for group in workload.groups)
    return AllOf(OneOf("action", *WRITE), AnyOf(*streams))


def _assume_role(workload: Workload) -> Predicate:
    return AllOf(OneOf("action", "sts:AssumeRole"), OneOf("resource", workload.tenant.role_arn))


def _network(workload: Workload) -> list[Predicate]:
    """In a VPC, Lambda may manage network interfaces with the execution role; the function may not.

    The condition key is present only if the function's own code makes the call:
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    vpc = workload.stanza.get("vpc")
    if not vpc:
        return []
    ec2 = f"arn:{workload.tenant.environment.partition}:ec2:{workload.region}:{workload.account}"
    interfaces = StartsWith("resource", f"{ec2}:network-interface/")
    vpc_resources = OneOf(
        "resource",
        *(f"{ec2}:security-group/{group}" for group in vpc["security_group_ids"]),
        *(f"{ec2}:subnet/{subnet}" for subnet in vpc["subnet_ids"]),
    )
    manage = OneOf(
        "action",
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    )
    describe = AllOf(
        OneOf("action", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
        # No such call names a log group; the denial of all but writing covers every action on one.
        *(Not(OneOf("resource", group)) for group in workload.groups),
        *(Not(StartsWith("resource", f"{group}:")) for group in workload.groups),
    )
    calls = AnyOf(AllOf(manage, AnyOf(interfaces, vpc_resources)), describe)
    return [AllOf(Absent("lambda:sourcefunctionarn"), calls)]
