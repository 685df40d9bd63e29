"""Specify what a tenant's stanza grants the deployer of a customer account.

Like customer_specification.py, this is independent of the Terraform module that it checks. It states
what holds today: apart from the network of the workload's VPC, a resource that is not named after the
tenant is either a key or an endpoint with the tenant's tag, or belongs to an action that takes no
resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.isolation.customer_specification import READ, WRITE
from tools.isolation.predicate import AllOf, AnyOf, OneOf, Predicate, StartsWith

if TYPE_CHECKING:
    from tools.isolation.customer_specification import Workload

FUNCTION = (
    "lambda:CreateAlias",
    "lambda:CreateFunction",
    "lambda:DeleteAlias",
    "lambda:DeleteFunction",
    "lambda:DeleteFunctionConcurrency",
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:GetFunctionCodeSigningConfig",
    "lambda:GetFunctionConfiguration",
    "lambda:InvokeFunction",
    "lambda:ListTags",
    "lambda:ListVersionsByFunction",
    "lambda:PublishVersion",
    "lambda:PutFunctionConcurrency",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
)
ROLES = (
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateRole",
)
# Actions that decide what a role may do and who may assume it.
ROLE_POLICIES = (
    "iam:CreateRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
)
LOG_GROUPS = (
    "logs:AssociateKmsKey",
    "logs:CreateLogGroup",
    "logs:DeleteDataProtectionPolicy",
    "logs:DescribeLogGroups",
    "logs:GetDataProtectionPolicy",
    "logs:ListTagsForResource",
    "logs:PutDataProtectionPolicy",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
    "logs:UntagResource",
)
KEY = (
    "kms:CreateAlias",
    "kms:DescribeKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
)
# Actions that return what a log contains, or copy it elsewhere:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
READING = (
    "logs:CreateExportTask",
    "logs:CreateLogAnomalyDetector",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetLogRecord",
    "logs:GetQueryResults",
    "logs:IntegrateWithDataset",
    "logs:IntegrateWithS3Table",
    "logs:ProcessWithPipeline",
    "logs:PutMetricFilter",
    "logs:PutSubscriptionFilter",
    "logs:StartLiveTail",
    "logs:StartQuery",
    "logs:Unmask",
)
# The exceptions: actions that take no resource.
LISTS = ("kms:ListAliases", "logs:DescribeLogGroups")
NETWORK_LISTS = ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs")
ENDPOINT_LISTS = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribePrefixLists",
    "ec2:DescribeVpcEndpoints",
)
NETWORK_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def trust(workload: Workload) -> Predicate:
    """Principals of the operations account may assume the deployer with the stanza's ExternalId."""
    env = workload.tenant.environment
    # The ARN of a user or a role belongs to iam, and that of a federated user to sts.
    arn_prefixes = (f"arn:{env.partition}:{issuer}::{env.account}:" for issuer in ("iam", "sts"))
    return AllOf(
        OneOf("action", "sts:AssumeRole"),
        AnyOf(*(StartsWith("aws:principalarn", prefix) for prefix in arn_prefixes)),
        OneOf("sts:externalid", external_id(workload)),
    )


def permissions(workload: Workload) -> Predicate:
    """The deployer may manage one tenant's workload, without the names of its endpoints.

    ForAllValues conditions are not predicates; deployer_claims checks the one statement that has one.
    """
    tenant = workload.tenant
    function = _arn(workload, "lambda", f"function:{tenant.base_name}")
    roles = OneOf(
        "resource",
        *(_role(workload, suffix) for suffix in ("execution", "reader", "unmasker")),
    )
    boundary = workload.stanza.get("permissions_boundary")
    within_boundary = [OneOf("iam:permissionsboundary", boundary)] if boundary else []
    tagged = OneOf("aws:resourcetag/tenant", tenant.name)
    requested = OneOf("aws:requesttag/tenant", tenant.name)
    return AnyOf(
        AllOf(
            OneOf("action", *FUNCTION),
            AnyOf(OneOf("resource", function), StartsWith("resource", f"{function}:")),
        ),
        AllOf(OneOf("action", *ROLES), roles),
        AllOf(OneOf("action", *ROLE_POLICIES), roles, *within_boundary),
        AllOf(
            OneOf("action", "iam:PassRole"),
            OneOf("resource", _role(workload, "execution")),
            OneOf("iam:passedtoservice", "lambda.amazonaws.com"),
        ),
        AllOf(
            OneOf("action", *LOG_GROUPS),
            AnyOf(OneOf("resource", *workload.groups), _contents(workload)),
        ),
        OneOf("action", *LISTS, *_network_lists(workload)),
        AllOf(OneOf("action", "kms:CreateKey", "kms:TagResource"), requested),
        AllOf(OneOf("action", *KEY), StartsWith("resource", _arn(workload, "kms", "key/")), tagged),
        AllOf(
            OneOf("action", "kms:CreateAlias"),
            OneOf("resource", _arn(workload, "kms", f"alias/{tenant.base_name}")),
        ),
        *_endpoints(workload, requested, tagged),
    )


def denial(workload: Workload) -> Predicate:
    """The deployer is denied reading the records, whatever else is attached to it."""
    return AllOf(OneOf("action", *READING), _contents(workload))


def boundary(workload: Workload) -> Predicate:
    """The maximum permissions of the workload's roles."""
    stanza = workload.stanza
    streams = (StartsWith("resource", f"{group}:log-stream:") for group in workload.groups)
    in_groups = AnyOf(OneOf("resource", *workload.groups), _contents(workload))
    rights: list[Predicate] = [
        AllOf(OneOf("action", "sts:AssumeRole"), OneOf("resource", workload.tenant.role_arn)),
        AllOf(OneOf("action", *WRITE), AnyOf(*streams)),
    ]
    if stanza.get("vpc"):
        rights.append(OneOf("action", *NETWORK_INTERFACES))
    if stanza.get("readers") or stanza.get("unmaskers"):
        rights.append(AllOf(OneOf("action", *READ), in_groups))
    if stanza.get("unmaskers"):
        rights.append(AllOf(OneOf("action", "logs:Unmask"), in_groups))
    return AnyOf(*rights)


def external_id(workload: Workload) -> str:
    """The ExternalId that the deployer requires, or an empty text."""
    deployer = workload.tenant.stanza.get("deployer") or {}
    return str(deployer.get("external_id") or "")


def endpoint_vpc(workload: Workload) -> str | None:
    """The id of the VPC in which the workload creates endpoints."""
    vpc_id: str | None = (workload.stanza.get("vpc") or {}).get("id")
    return vpc_id


def _network_lists(workload: Workload) -> tuple[str, ...]:
    in_vpc = NETWORK_LISTS if workload.stanza.get("vpc") else ()
    return (*in_vpc, *(ENDPOINT_LISTS if endpoint_vpc(workload) else ()))


def _endpoints(workload: Workload, requested: Predicate, tagged: Predicate) -> list[Predicate]:
    """With a VPC's id, the deployer may manage endpoints with the tenant's tag in that VPC.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """
    if not endpoint_vpc(workload):
        return []
    vpc = workload.stanza["vpc"]
    network = OneOf(
        "resource",
        _arn(workload, "ec2", f"vpc/{vpc['id']}"),
        *(_arn(workload, "ec2", f"security-group/{group}") for group in vpc["security_group_ids"]),
        *(_arn(workload, "ec2", f"subnet/{subnet}") for subnet in vpc["subnet_ids"]),
    )
    endpoints = StartsWith("resource", _arn(workload, "ec2", "vpc-endpoint/"))
    create = OneOf("action", "ec2:CreateTags", "ec2:CreateVpcEndpoint")
    manage = OneOf(
        "action",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DeleteVpcEndpoints",
        "ec2:ModifyVpcEndpoint",
    )
    return [
        AllOf(OneOf("action", "ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"), network),
        AllOf(create, endpoints, requested),
        AllOf(manage, endpoints, tagged),
    ]


def _contents(workload: Workload) -> Predicate:
    """What both log groups contain."""
    return AnyOf(*(StartsWith("resource", f"{group}:") for group in workload.groups))


def _role(workload: Workload, suffix: str) -> str:
    tenant = workload.tenant
    return tenant.environment.role_arn(workload.account, f"{tenant.base_name}-{suffix}")


def _arn(workload: Workload, service: str, resource: str) -> str:
    partition = workload.tenant.environment.partition
    return f"arn:{partition}:{service}:{workload.region}:{workload.account}:{resource}"
