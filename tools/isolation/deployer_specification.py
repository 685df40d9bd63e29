"""Specify what a tenant's stanza grants the deployer of a customer account.

Like customer_specification.py, this is independent of the Terraform module that it checks. ``permissions``
says exactly what the deployer may do, and ``reach`` says in general what it may touch at most: what is named
after the workload, what the customer named for it, and what was tagged on its creation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.isolation.customer_specification import READ, WRITE, dns_suffix
from tools.isolation.predicate import AllOf, AnyOf, Not, OneOf, Predicate, StartsWith

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.isolation.customer_specification import Workload

FUNCTION = (
    "lambda:CreateAlias",
    "lambda:DeleteAlias",
    "lambda:DeleteFunction",
    "lambda:DeleteFunctionConcurrency",
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:GetFunctionCodeSigningConfig",
    "lambda:GetFunctionConfiguration",
    "lambda:InvokeFunction",
    "lambda:ListAliases",
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
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies",
    "iam:TagRole",
    "iam:UntagRole",
)
# Actions that create or change a role, or decide what it may do and who may assume it. AWS gives all of
# them the boundary of the role, and CreateRole that of the request:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
ROLE_CHANGES = (
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
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
# The first words of the CloudWatch Logs actions that do more than describe, which the deployer is denied
# outside of its two groups. tests/modules compares them with AWS's own list:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
LOGS_VERBS = (
    "Associate",
    "Call",
    "Cancel",
    "Create",
    "Delete",
    "Disassociate",
    "Filter",
    "Get",
    "Integrate",
    "List",
    "Process",
    "Put",
    "Start",
    "Stop",
    "Tag",
    "Test",
    "Untag",
    "Update",
)
LOGS_ACTIONS = ("logs:Link", "logs:Unmask")
# The exceptions: actions that take no resource.
LISTS = ("logs:DescribeLogGroups",)
NETWORK_LISTS = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
ENDPOINT_LISTS = ("ec2:DescribePrefixLists", "ec2:DescribeVpcEndpoints")
NETWORK_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
)
INTERFACE_LISTS = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")
# AWS's own services for which the workload has endpoints.
ENDPOINT_SERVICES = ("bedrock-runtime", "logs", "sts")


def trust(workload: Workload) -> Predicate:
    """The deployment principals may assume the deployer with the stanza's ExternalId."""
    env = workload.tenant.environment
    return AllOf(
        OneOf("action", "sts:AssumeRole"),
        OneOf("aws:principalarn", *env.deployment_principals),
        OneOf("sts:externalid", external_id(workload)),
    )


def permissions(workload: Workload) -> Predicate:
    """The deployer may manage one tenant's workload, without the names of its endpoints.

    ForAllValues conditions are not predicates; deployer_claims checks the one statement that has one.
    """
    return AnyOf(
        AllOf(OneOf("action", *FUNCTION), _function(workload)),
        AllOf(OneOf("action", "lambda:CreateFunction"), _function(workload), *_signed(workload)),
        AllOf(OneOf("action", *ROLES), _roles(workload)),
        AllOf(OneOf("action", *ROLE_CHANGES), _roles(workload), _within_boundary(workload)),
        _own_version(workload),
        AllOf(
            OneOf("action", "iam:PassRole"),
            OneOf("resource", _role(workload, "execution")),
            OneOf("iam:passedtoservice", "lambda.amazonaws.com"),
        ),
        AllOf(OneOf("action", *LOG_GROUPS), in_groups(workload)),
        OneOf("action", *LISTS),
        # The denial names all actions but those of the log groups.
        AllOf(OneOf("action", *_network_lists(workload)), Not(in_groups(workload))),
        _key_by_alias(workload),
        *_endpoints(workload),
    )


def reach(workload: Workload) -> dict[str, Predicate]:
    """What the deployer may touch at most, by kind: nothing that it did not make.

    A function, a role or a group is the workload's by its name, which is reserved. A role must also have
    the workload's boundary, which no other role of the account has. The key is the one to which the
    customer gave the workload's alias. An endpoint is the workload's by tags that the deployer can set
    only on creation. Network and hosted zones belong to the customer; the deployer may place endpoints.
    """
    read = OneOf("action", *ROLES, "iam:PassRole")
    managed = AllOf(_roles(workload), AnyOf(read, _within_boundary(workload)))
    roles = AnyOf(managed, _own_version(workload))
    groups = AnyOf(in_groups(workload), OneOf("action", *LISTS))
    endpoints = AnyOf(OneOf("action", *_network_lists(workload)), *_endpoints(workload))
    return {
        "functions": _in_service("lambda", _function(workload)),
        "groups": _in_service("logs", groups),
        "keys": _in_service("kms", _key_by_alias(workload)),
        "network": _in_service("ec2", endpoints),
        "roles": _in_service("iam", roles),
    }


def denial(workload: Workload) -> Predicate:
    """Whatever else is attached to it, the deployer is denied the records and the workload's roles."""
    verbs = (StartsWith("action", f"logs:{verb}") for verb in LOGS_VERBS)
    return AnyOf(
        AllOf(in_groups(workload), Not(OneOf("action", *LOG_GROUPS))),
        AllOf(AnyOf(OneOf("action", *LOGS_ACTIONS), *verbs), Not(in_groups(workload))),
        AllOf(StartsWith("action", "sts:"), _roles(workload)),
    )


def boundary(workload: Workload) -> Predicate:
    """The maximum permissions of the workload's roles."""
    stanza = workload.stanza
    streams = (StartsWith("resource", f"{group}:log-stream:") for group in workload.groups)
    readers = OneOf("aws:principalarn", *(_role(workload, name) for name in ("reader", "unmasker")))
    unmasker = OneOf("aws:principalarn", _role(workload, "unmasker"))
    rights: list[Predicate] = [
        AllOf(OneOf("action", "sts:AssumeRole"), OneOf("resource", workload.tenant.role_arn)),
        AllOf(OneOf("action", *WRITE), AnyOf(*streams)),
    ]
    if vpc := stanza.get("vpc"):
        places = AnyOf(
            StartsWith("resource", _arn(workload, "ec2", "network-interface/")),
            OneOf("resource", *_placement(workload, vpc)),
        )
        rights += [
            AllOf(OneOf("action", *NETWORK_INTERFACES), places),
            OneOf("action", *INTERFACE_LISTS),
        ]
    if stanza.get("readers") or stanza.get("unmaskers"):
        rights.append(AllOf(OneOf("action", *READ), in_groups(workload), readers))
    if stanza.get("unmaskers"):
        rights.append(AllOf(OneOf("action", "logs:Unmask"), in_groups(workload), unmasker))
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


def in_groups(workload: Workload) -> Predicate:
    """The resource is one of the two log groups, or in one of them."""
    contents = (StartsWith("resource", f"{group}:") for group in workload.groups)
    return AnyOf(OneOf("resource", *workload.groups), *contents)


def _endpoints(workload: Workload) -> list[Predicate]:
    """With a VPC's id, the deployer may create endpoints in that VPC and manage those that it created.

    Tags are set only while an endpoint is created, or on one that has the tags already:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    if not endpoint_vpc(workload):
        return []
    vpc, env = workload.stanza["vpc"], workload.tenant.environment
    tags = {"environment": env.name, "tenant": workload.tenant.name}
    requested = [OneOf(f"aws:requesttag/{tag}", text) for tag, text in tags.items()]
    tagged = [OneOf(f"aws:resourcetag/{tag}", text) for tag, text in tags.items()]
    prefix = ".".join(reversed(dns_suffix(env.partition).split(".")))
    services = [f"{prefix}.{workload.region}.{service}" for service in ENDPOINT_SERVICES]
    network = (_arn(workload, "ec2", f"vpc/{vpc['id']}"), *_placement(workload, vpc))
    endpoints = StartsWith("resource", _arn(workload, "ec2", "vpc-endpoint/"))
    manage = OneOf(
        "action",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DeleteVpcEndpoints",
        "ec2:ModifyVpcEndpoint",
    )
    place = OneOf("action", "ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint")
    created = OneOf("ec2:createaction", "CreateVpcEndpoint")
    of_service = OneOf("ec2:vpceservicename", *services)
    return [
        AllOf(place, OneOf("resource", *network)),
        AllOf(OneOf("action", "ec2:CreateVpcEndpoint"), endpoints, of_service, *requested),
        AllOf(OneOf("action", "ec2:CreateTags"), endpoints, created, *requested),
        AllOf(manage, endpoints, *tagged),
    ]


def _placement(workload: Workload, vpc: Mapping[str, Any]) -> list[str]:
    """The ARNs of the security groups and subnets of a stanza's VPC."""
    names = [
        *(f"security-group/{group}" for group in vpc["security_group_ids"]),
        *(f"subnet/{subnet}" for subnet in vpc["subnet_ids"]),
    ]
    return [_arn(workload, "ec2", name) for name in names]


def _in_service(service: str, predicate: Predicate) -> Predicate:
    """The action is of another service, or the predicate holds."""
    return AnyOf(Not(StartsWith("action", f"{service}:")), predicate)


def _function(workload: Workload) -> Predicate:
    """The resource is the workload's function, a version of it or its alias."""
    function = _arn(workload, "lambda", f"function:{workload.tenant.base_name}")
    return AnyOf(OneOf("resource", function), StartsWith("resource", f"{function}:"))


def _signed(workload: Workload) -> list[Predicate]:
    """A function is created with the customer's code signing configuration, if there is one."""
    config = workload.stanza.get("code_signing_config_arn")
    return [OneOf("lambda:codesigningconfigarn", config)] if config else []


def _roles(workload: Workload) -> Predicate:
    """The resource is a role of the workload."""
    names = ("execution", "reader", "unmasker")
    return OneOf("resource", *(_role(workload, name) for name in names))


def _own_version(workload: Workload) -> Predicate:
    """The deployer may read its own tags, which hold the version of its policies."""
    env = workload.tenant.environment
    return AllOf(
        OneOf("action", "iam:GetRole"),
        OneOf("resource", env.role_arn(workload.account, env.deployer_role)),
    )


def _within_boundary(workload: Workload) -> Predicate:
    return OneOf("iam:permissionsboundary", workload.boundary_arn)


def _key_by_alias(workload: Workload) -> Predicate:
    """The deployer may look up the key to which the customer gave the workload's alias.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-request-alias
    """
    return AllOf(
        OneOf("action", "kms:DescribeKey"),
        StartsWith("resource", _arn(workload, "kms", "key/")),
        OneOf("kms:requestalias", f"alias/{workload.tenant.base_name}"),
    )


def _role(workload: Workload, suffix: str) -> str:
    tenant = workload.tenant
    return tenant.environment.role_arn(workload.account, f"{tenant.base_name}-{suffix}")


def _arn(workload: Workload, service: str, resource: str) -> str:
    partition = workload.tenant.environment.partition
    return f"arn:{partition}:{service}:{workload.region}:{workload.account}:{resource}"
