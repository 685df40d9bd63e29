"""The inspector: a role in a customer account that reads settings, and no record, for `make prove STATE=1`.

The customer creates it once. It may read how the workload is set up, and nothing that the log groups hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.environment.model import CustomerAccount, Environment

Document = dict[str, Any]

# None of these actions returns what a log group holds, or what the function's zip contains:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
_FUNCTION = (
    "lambda:GetFunctionCodeSigningConfig",
    "lambda:GetFunctionConcurrency",
    "lambda:GetFunctionConfiguration",
    "lambda:GetPolicy",
    "lambda:ListAliases",
    "lambda:ListFunctionEventInvokeConfigs",
    "lambda:ListFunctionUrlConfigs",
    "lambda:ListVersionsByFunction",
)
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
_ROLES = (
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
)
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
_LOG_GROUPS = (
    "logs:DescribeMetricFilters",
    "logs:DescribeSubscriptionFilters",
    "logs:GetDataProtectionPolicy",
    "logs:GetTransformer",
    "logs:ListLogAnomalyDetectors",
)
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
_KEY = (
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
)
# These take no resource, or act on the account. For account policies, AWS also asks for the permission of
# the setting itself:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeAccountPolicies.html
_ACCOUNT = (
    "lambda:ListEventSourceMappings",
    "logs:DescribeAccountPolicies",
    "logs:DescribeExportTasks",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:DescribeSubscriptionFilters",
    "logs:GetDataProtectionPolicy",
    "logs:GetScheduledQuery",
    "logs:GetTransformer",
    "logs:ListLogAnomalyDetectors",
    "logs:ListScheduledQueries",
)


def inspector_name(environment: Environment, account: CustomerAccount) -> str:
    """Return the role's name."""
    return f"{environment.base_name(account.tenant)}-inspector"


def inspector_documents(environment: Environment, account: CustomerAccount) -> dict[str, Document]:
    """Return the role's trust and permissions as policy documents.

    Raises CommandError if the stanza has no deployer, whose ExternalId the role demands too: the operations
    account acts for the same tenant in the same account.
    """
    base, name = environment.base_name(account.tenant), environment.name
    prefix = f"arn:{environment.partition}"
    place = f"{account.region}:{account.account_id}"
    function = f"{prefix}:lambda:{place}:function:{base}"
    groups = [
        f"{prefix}:logs:{place}:log-group:{group}"
        for group in (f"/aws/lambda/{base}", f"/bedrock/{name}/{account.tenant}/records")
    ]
    has_endpoints = bool((environment.network_of(account) or {}).get("id"))
    trust = {
        "Sid": "TheOperationsAccountInspects",
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"{prefix}:iam::{environment.operations_account_id}:root"},
        "Condition": {
            "StringEquals": {"sts:ExternalId": environment.deployer_external_id(account.tenant)}
        },
    }
    statements = [
        _allow("ReadTheFunctionsSettings", _FUNCTION, [function, f"{function}:*"]),
        _allow(
            "ReadTheWorkloadsRoles",
            _ROLES,
            [
                environment.role_arn(account.account_id, f"{base}-{suffix}")
                for suffix in ("execution", "reader", "unmasker")
            ],
        ),
        _allow(
            "ReadTheLogGroupsSettings",
            _LOG_GROUPS,
            [arn for group in groups for arn in (group, f"{group}:*")],
        ),
        {
            **_allow("ReadTheKeysSettings", _KEY, [f"{prefix}:kms:{place}:key/*"]),
            "Condition": {"StringEquals": {"aws:ResourceTag/tenant": account.tenant}},
        },
        _allow(
            "ReadTheAccountsSettings",
            (*(["ec2:DescribeVpcEndpoints"] if has_endpoints else []), *_ACCOUNT),
            ["*"],
        ),
    ]
    return {"trust": _document([trust]), "permissions": _document(statements)}


def inspector_template(environment: Environment, account: CustomerAccount) -> Document:
    """Return the CloudFormation template with which the customer creates the role."""
    documents = inspector_documents(environment, account)
    properties = {
        "AssumeRolePolicyDocument": documents["trust"],
        "Description": f"Reads how the workload of {account.tenant} is set up, and none of its records.",
        "Policies": [{"PolicyName": "inspector", "PolicyDocument": documents["permissions"]}],
        "RoleName": inspector_name(environment, account),
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that `make prove STATE=1` assumes to read settings.",
        "Resources": {"InspectorRole": {"Type": "AWS::IAM::Role", "Properties": properties}},
    }


def _allow(sid: str, actions: tuple[str, ...], resources: list[str]) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
