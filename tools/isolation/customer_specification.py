"""Specify what a tenant's stanza grants in a customer account: by its roles, key and VPC endpoints.

Like operations_specification.py, this is independent of the Terraform module that it checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.isolation.operations_specification import INVOKE, STREAM, guardrail_calls
from tools.isolation.predicate import Absent, AllOf, AnyOf, OneOf, Predicate, StartsWith

if TYPE_CHECKING:
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
    def has_function(self) -> bool:
        """Whether there is a function; a tenant that is being offboarded keeps only its records."""
        return self.tenant.stanza.get("state") != "offboarding"

    @property
    def readers(self) -> tuple[str, ...]:
        """The ARNs of the principals that may read the records."""
        return tuple(self.stanza.get("readers") or ())

    @property
    def unmaskers(self) -> tuple[str, ...]:
        """The ARNs of the principals that may also read masked values."""
        return tuple(self.stanza.get("unmaskers") or ())

    @property
    def roles(self) -> dict[str, tuple[Predicate, Predicate]]:
        """The trust and the permissions of each role, by the role's name."""
        base = self.tenant.base_name
        roles = {}
        if self.has_function:
            roles[f"{base}-execution"] = (execution_trust(), execution_permissions(self))
        if self.readers:
            roles[f"{base}-reader"] = (trust_in(self.readers), reader_permissions(self))
        if self.unmaskers:
            roles[f"{base}-unmasker"] = (trust_in(self.unmaskers), unmasker_permissions(self))
        return roles

    @property
    def endpoints(self) -> dict[str, Predicate]:
        """The requests that each VPC endpoint accepts, by service."""
        vpc = self.stanza.get("vpc") or {}
        if not (self.has_function and vpc.get("id")):
            return {}
        endpoints = {"logs": _record_writes(self), "sts": _role_assumption(self)}
        models = self.tenant.stanza["models"].values()
        if any(self.region in model["regions"] for model in models):
            endpoints["bedrock-runtime"] = _model_calls(self)
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


def execution_trust() -> Predicate:
    """Only Lambda may assume the execution role."""
    return AllOf(
        (OneOf("action", ("sts:AssumeRole",)), OneOf("caller.service", ("lambda.amazonaws.com",)))
    )


def execution_permissions(workload: Workload) -> Predicate:
    """The function may assume one role and write to two log groups; Lambda may manage its network."""
    return AnyOf((_assume_role(workload), _write(workload), *_network(workload)))


def trust_in(principals: tuple[str, ...]) -> Predicate:
    """Only the listed principals, of any account, may assume the role."""
    return AllOf((OneOf("action", ("sts:AssumeRole",)), OneOf("aws:principalarn", principals)))


def reader_permissions(workload: Workload) -> Predicate:
    """A reader may read both log groups, which include spilled records, and nothing else."""
    return AllOf((OneOf("action", READ), _in_log_groups(workload)))


def unmasker_permissions(workload: Workload) -> Predicate:
    """An unmasker may read the same as a reader, including masked values."""
    return AllOf((OneOf("action", (*READ, "logs:Unmask")), _in_log_groups(workload)))


def key(workload: Workload) -> Predicate:
    """The account may administer the key but not use it; CloudWatch Logs uses it for the two groups."""
    partition = workload.tenant.environment.partition
    dns = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    administration = AllOf(
        (
            # Every principal of the account; the ARN of a federated user belongs to sts.
            AnyOf(
                tuple(
                    StartsWith("aws:principalarn", f"arn:{partition}:{issuer}::{workload.account}:")
                    for issuer in ("iam", "sts")
                )
            ),
            AnyOf(
                (
                    OneOf("action", KEY_ADMIN),
                    *(StartsWith("action", prefix) for prefix in KEY_ADMIN_PREFIXES),
                )
            ),
        )
    )
    encryption = AllOf(
        (
            OneOf("caller.service", (f"logs.{workload.region}.{dns}",)),
            OneOf("kms:encryptioncontext:aws:logs:arn", workload.groups),
            AnyOf(tuple(StartsWith("action", prefix) for prefix in KEY_USE_PREFIXES)),
        )
    )
    return AnyOf((administration, encryption))


def _in_log_groups(workload: Workload) -> Predicate:
    groups = workload.groups
    streams = (StartsWith("resource", f"{group}:") for group in groups)
    return AnyOf((OneOf("resource", groups), *streams))


def _write(workload: Workload) -> Predicate:
    streams = (StartsWith("resource", f"{group}:log-stream:") for group in workload.groups)
    return AllOf((OneOf("action", WRITE), AnyOf(tuple(streams))))


def _assume_role(workload: Workload) -> Predicate:
    role = OneOf("resource", (workload.tenant.role_arn,))
    return AllOf((OneOf("action", ("sts:AssumeRole",)), role))


def _by_function(workload: Workload) -> Predicate:
    return OneOf("aws:principalarn", (workload.tenant.callers[workload.account],))


def _record_writes(workload: Workload) -> Predicate:
    return AllOf((_by_function(workload), _write(workload)))


def _role_assumption(workload: Workload) -> Predicate:
    return AllOf((_by_function(workload), _assume_role(workload)))


def _model_calls(workload: Workload) -> Predicate:
    """The endpoint accepts only the tenant's role; the role's own policy says which models it may call."""
    tenant = workload.tenant
    return AllOf(
        (
            OneOf("aws:principalarn", (tenant.role_arn,)),
            AnyOf(
                (
                    OneOf("action", (INVOKE, STREAM)),
                    *guardrail_calls(tenant.stanza.get("guardrail")),
                )
            ),
        )
    )


def _network(workload: Workload) -> list[Predicate]:
    """In a VPC, Lambda may manage network interfaces with the execution role; the function may not.

    The condition key is present only if the function's own code makes the call:
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    vpc = workload.stanza.get("vpc")
    if not vpc:
        return []
    ec2 = f"arn:{workload.tenant.environment.partition}:ec2:{workload.region}:{workload.account}"
    arns = [
        *(f"{ec2}:security-group/{group}" for group in vpc["security_group_ids"]),
        *(f"{ec2}:subnet/{subnet}" for subnet in vpc["subnet_ids"]),
    ]
    manage = (
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    )
    describe = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")
    interfaces = StartsWith("resource", f"{ec2}:network-interface/")
    resources = AnyOf((interfaces, OneOf("resource", tuple(arns))))
    actions = AnyOf((AllOf((OneOf("action", manage), resources)), OneOf("action", describe)))
    return [AllOf((Absent("lambda:sourcefunctionarn"), actions))]
