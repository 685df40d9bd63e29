"""`make deployer`: the role a customer makes once in its account, so that Terraform may work there.

It may manage exactly what modules/customer-workload makes, and is denied the records.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.cli import arguments
from tools.cli.console import out, run
from tools.environment import model as environment

if TYPE_CHECKING:
    from collections.abc import Callable

Policy = dict[str, Any]

# For the owners of the local cloud's accounts only; nothing that is handed to a customer uses it.
EVERYTHING: Policy = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "OwnThisAccount", "Effect": "Allow", "Action": "*", "Resource": "*"}],
}

# Every CloudWatch Logs action that returns or copies out what a log holds:
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


LOOKING_UP_ENDPOINTS = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribePrefixLists",
    "ec2:DescribeVpcEndpoints",
)


def main() -> int:
    """Print the role's trust policy and permissions, for the customer to create it from."""
    options = arguments.parser(__doc__, tenant="required")
    options.add_argument("--account", help="one of the tenant's accounts, when it has several")
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    account = arguments.only_account(env, chosen.tenant, chosen.account)
    out.print_json(
        json.dumps(
            {
                "account": account.account_id,
                "role_name": env.deployer_role_name,
                "trust_policy": trust(env),
                "permissions_policy": permissions(env, account),
                **_boundary_to_make(env, account),
            }
        )
    )
    return 0


def trust(env: environment.Environment) -> Policy:
    """Who may be the deployer: the operations account, which decides by its own policies who in it."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TheOperationsAccountDeploys",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:{env.partition}:iam::{env.operations_account_id}:root"},
            }
        ],
    }


def permissions(env: environment.Environment, account: environment.CustomerAccount) -> Policy:
    """What the deployer may do in ``account``: manage one tenant's workload, and never read its records."""
    name = env.name_of(account.tenant)

    def arn(service: str, resource: str, region: str = account.region) -> str:
        return f"arn:{env.partition}:{service}:{region}:{account.account_id}:{resource}"

    groups = [
        arn("logs", f"log-group:{group}:*")
        for group in (env.records_of(account.tenant), f"/aws/lambda/{name}")
    ]
    # Lambda looks the network up with its maker's rights; EC2's lookups name no resource.
    network = (
        ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
        if account.in_vpc
        else []
    )
    vpc = env.stanzas[account.tenant]["accounts"][account.account_id].get("vpc") or {}
    if vpc.get("id"):
        network += LOOKING_UP_ENDPOINTS
    parts = ("execution", "reader", "unmasker")
    roles = [arn("iam", f"role/{name}-{part}", region="") for part in parts]
    within = account.permissions_boundary and {
        "StringEquals": {"iam:PermissionsBoundary": account.permissions_boundary}
    }
    ours = {"StringEquals": {"aws:ResourceTag/tenant": account.tenant}}
    asked = {"StringEquals": {"aws:RequestTag/tenant": account.tenant}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow(
                "ManageAndTryTheFunction",
                [
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
                ],
                # Its versions and its alias too, which there are under snap_start.
                [arn("lambda", f"function:{name}"), arn("lambda", f"function:{name}:*")],
            ),
            _allow(
                "ManageItsRoles",
                [
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
                ],
                roles,
            ),
            # What these roles may do is theirs to say only within the boundary, where there is one.
            {
                **_allow(
                    "SayWhatItsRolesMayDo",
                    [
                        "iam:CreateRole",
                        "iam:PutRolePermissionsBoundary",
                        "iam:PutRolePolicy",
                        "iam:UpdateAssumeRolePolicy",
                    ],
                    roles,
                ),
                **({"Condition": within} if within else {}),
            },
            {
                **_allow(
                    "GiveTheFunctionItsRole",
                    ["iam:PassRole"],
                    [arn("iam", f"role/{name}-execution", region="")],
                ),
                "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
            },
            _allow(
                "ManageItsLogGroups",
                [
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
                ],
                [*groups, *(group.removesuffix(":*") for group in groups)],
            ),
            # These have no resource of their own to name: CreateKey has none yet, listing has none at all.
            {
                **_allow("MakeItsKey", ["kms:CreateKey", "kms:TagResource"], ["*"]),
                "Condition": asked,
            },
            _allow(
                "FindWhatHasNoName", [*network, "kms:ListAliases", "logs:DescribeLogGroups"], ["*"]
            ),
            {
                **_allow(
                    "ManageItsKey",
                    [
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
                    ],
                    [arn("kms", "key/*")],
                ),
                "Condition": ours,
            },
            _allow("NameItsKey", ["kms:CreateAlias"], [arn("kms", f"alias/{name}")]),
            *(_endpoints(vpc, arn, ours, asked) if vpc.get("id") else []),
            {
                "Sid": "NeverReadTheRecords",
                "Effect": "Deny",
                "Action": list(READING),
                "Resource": groups,
            },
        ],
    }


def boundary(env: environment.Environment, account: environment.CustomerAccount) -> Policy:
    """The most that the workload's roles may ever do, whoever writes their policies.

    Where the stanza names readers, somebody who may write the reader role's trust can still name another
    reader; without readers nothing that Terraform makes can read a record. Nor, without unmaskers, see
    what is masked in one.
    """
    name = env.name_of(account.tenant)
    logs = f"arn:{env.partition}:logs:{account.region}:{account.account_id}:log-group:"
    groups = [f"{logs}/aws/lambda/{name}", logs + env.records_of(account.tenant)]
    all_of_them = [*groups, *(f"{group}:*" for group in groups)]
    network = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    reading = [
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "logs:GetQueryResults",
        "logs:StartQuery",
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow(
                "AssumeOnlyTheTenantsRole",
                ["sts:AssumeRole"],
                [env.role_arn(env.operations_account_id, name)],
            ),
            _allow(
                "WriteRecordsAndTheFunctionsLog",
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                [f"{group}:log-stream:*" for group in groups],
            ),
            *(
                [_allow("LambdaManagesItsNetworkInterfaces", network, ["*"])]
                if account.in_vpc
                else []
            ),
            *(
                [_allow("ReadersReadTheRecords", reading, all_of_them)]
                if account.readers or account.unmaskers
                else []
            ),
            *(
                [_allow("UnmaskersSeeWhatIsMasked", ["logs:Unmask"], all_of_them)]
                if account.unmaskers
                else []
            ),
        ],
    }


def _boundary_to_make(
    env: environment.Environment, account: environment.CustomerAccount
) -> dict[str, Any]:
    if not account.permissions_boundary:
        return {}
    return {
        "boundary_name": account.permissions_boundary.rpartition("/")[2],
        "boundary_policy": boundary(env, account),
    }


def _endpoints(
    vpc: dict[str, Any], arn: Callable[[str, str], str], ours: Policy, asked: Policy
) -> list[Policy]:
    """Managing the VPC endpoints of the workload, which are its own by their tag.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """
    groups = [arn("ec2", f"security-group/{group}") for group in vpc["security_group_ids"]]
    subnets = [arn("ec2", f"subnet/{subnet}") for subnet in vpc["subnet_ids"]]
    endpoints = [arn("ec2", "vpc-endpoint/*")]
    return [
        _allow(
            "PutEndpointsIntoItsNetwork",
            ["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"],
            [arn("ec2", f"vpc/{vpc['id']}"), *groups, *subnets],
        ),
        {
            **_allow("MakeItsEndpoints", ["ec2:CreateTags", "ec2:CreateVpcEndpoint"], endpoints),
            "Condition": asked,
        },
        {
            **_allow(
                "ManageItsEndpoints",
                [
                    "ec2:CreateTags",
                    "ec2:DeleteTags",
                    "ec2:DeleteVpcEndpoints",
                    "ec2:ModifyVpcEndpoint",
                ],
                endpoints,
            ),
            "Condition": ours,
        },
        # For the endpoints' private names; the zone is AWS's and has no ARN to know before.
        {
            **_allow("NameItsEndpoints", ["route53:AssociateVPCWithHostedZone"], ["*"]),
            "Condition": {"ForAllValues:StringEquals": {"route53:VPCs": [f"VPCId={vpc['id']}"]}},
        },
    ]


def may_assume_reader(env: environment.Environment, account: environment.CustomerAccount) -> Policy:
    """What a reader or unmasker named in the stanza needs in its own account: to become that role."""
    name = env.name_of(account.tenant)
    roles = [env.role_arn(account.account_id, f"{name}-{part}") for part in ("reader", "unmasker")]
    return {
        "Version": "2012-10-17",
        "Statement": [_allow("BecomeTheReader", ["sts:AssumeRole"], roles)],
    }


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


if __name__ == "__main__":
    run(main)
