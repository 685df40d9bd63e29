"""What Terraform's AWS provider calls for each resource of modules/customer-workload, read from its source.

The provider is hashicorp/terraform-provider-aws, version 5.100, and ``source`` is a file in its internal/service,
or the page on which AWS says that it checks another permission of the caller. The key and its alias are not listed:
the customer makes them, and the deployer only looks the key up.
"""

from __future__ import annotations

from dataclasses import dataclass

LAMBDA_VPC = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"
PASSED_ROLE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
LAMBDA_TAGS = "https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html"
EC2_TAGS = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html"
ENDPOINT_NAMES = "https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html"

ALIAS = "lambda/alias.go"
ATTACHMENTS = "iam/role_policy_attachments_exclusive.go"
ENDPOINT = "ec2/vpc_endpoint.go"
FUNCTION = "lambda/function.go"
GROUP = "logs/group.go"
GROUP_TAGS = "logs/tags_gen.go"
KEY = "kms/key_data_source.go"
MASKING = "logs/data_protection_policy.go"
POLICIES = "iam/role_policies_exclusive.go"
POLICY = "iam/role_policy.go"
ROLE = "iam/role.go"


@dataclass(frozen=True)
class Call:
    """One API call, and the permission that it needs.

    ``on`` names a kind of request in test_provider_calls.py. ``network`` is "vpc" or "endpoints" for a call that is
    made only with a VPC, or with a VPC's id. ``refusal`` is why the deployer may not make the call.
    """

    resource: str
    phase: str
    action: str
    on: str
    source: str
    network: str = ""
    refusal: str = ""


def _calls(
    resource: str, source: str, phases: dict[str, str], on: str, network: str = ""
) -> list[Call]:
    """The calls whose actions ``phases`` lists by phase, with spaces between them."""
    return [
        Call(resource, phase, action, on, source, network)
        for phase, actions in phases.items()
        for action in actions.split()
    ]


CALLS = [
    *_calls(
        "aws_lambda_function",
        FUNCTION,
        {
            "read": "lambda:GetFunction lambda:GetFunctionCodeSigningConfig lambda:ListVersionsByFunction",
            "create": "lambda:GetFunction lambda:PutFunctionConcurrency lambda:TagResource",
            "update": "lambda:DeleteFunctionConcurrency lambda:GetFunction lambda:PublishVersion "
            "lambda:PutFunctionConcurrency lambda:TagResource lambda:UntagResource "
            "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration",
            "delete": "lambda:DeleteFunction lambda:GetFunction",
        },
        on="function",
    ),
    Call("aws_lambda_function", "create", "lambda:CreateFunction", "signed function", FUNCTION),
    Call("aws_lambda_function", "create", "iam:PassRole", "passed role", PASSED_ROLE),
    # Lambda returns the tags in GetFunction only to a caller that may list them.
    Call("aws_lambda_function", "read", "lambda:ListTags", "function", LAMBDA_TAGS),
    # After it has published a version, the provider waits for that version.
    Call("aws_lambda_function", "update", "lambda:GetFunctionConfiguration", "version", FUNCTION),
    *_calls(
        "aws_lambda_function",
        LAMBDA_VPC,
        {"create": "ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs"},
        on="no resource",
        network="vpc",
    ),
    *(
        Call(
            "aws_lambda_function",
            "update",
            action,
            "function",
            FUNCTION,
            refusal="The customer's code signing configuration is not the operator's to set or remove.",
        )
        for action in (
            "lambda:PutFunctionCodeSigningConfig",
            "lambda:DeleteFunctionCodeSigningConfig",
        )
    ),
    *_calls(
        "aws_lambda_alias",
        ALIAS,
        {
            "create": "lambda:CreateAlias",
            "read": "lambda:GetAlias",
            "update": "lambda:UpdateAlias",
            "delete": "lambda:DeleteAlias",
        },
        on="function",
    ),
    *_calls(
        "aws_iam_role",
        ROLE,
        {
            "create": "iam:CreateRole iam:PutRolePolicy",
            "update": "iam:DeleteRolePolicy iam:PutRolePolicy iam:UpdateAssumeRolePolicy iam:UpdateRole "
            "iam:UpdateRoleDescription",
            "delete": "iam:DeleteRole iam:DeleteRolePolicy",
        },
        on="role within the boundary",
    ),
    *_calls(
        "aws_iam_role",
        ROLE,
        {
            "create": "iam:TagRole",
            "read": "iam:GetRole iam:GetRolePolicy iam:ListAttachedRolePolicies iam:ListRolePolicies",
            "update": "iam:TagRole iam:UntagRole",
            "delete": "iam:ListInstanceProfilesForRole iam:ListRolePolicies",
        },
        on="role",
    ),
    *(
        Call(
            "aws_iam_role",
            "update",
            action,
            "role within the boundary",
            ROLE,
            refusal="The deployer could make somebody else's role its own, or leave the boundary.",
        )
        for action in ("iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary")
    ),
    Call(
        "aws_iam_role",
        "delete",
        "iam:RemoveRoleFromInstanceProfile",
        "instance profile",
        ROLE,
        refusal="An instance profile is the customer's, who removes the role from it.",
    ),
    *_calls(
        "aws_iam_role_policy",
        POLICY,
        {
            "create": "iam:PutRolePolicy",
            "update": "iam:PutRolePolicy",
            "delete": "iam:DeleteRolePolicy",
        },
        on="role within the boundary",
    ),
    Call("aws_iam_role_policy", "read", "iam:GetRolePolicy", "role", POLICY),
    *_calls(
        "aws_iam_role_policies_exclusive",
        POLICIES,
        {
            "create": "iam:DeleteRolePolicy iam:PutRolePolicy",
            "update": "iam:DeleteRolePolicy iam:PutRolePolicy",
        },
        on="role within the boundary",
    ),
    *_calls(
        "aws_iam_role_policies_exclusive",
        POLICIES,
        dict.fromkeys(("create", "read", "update"), "iam:ListRolePolicies"),
        on="role",
    ),
    *_calls(
        "aws_iam_role_policy_attachments_exclusive",
        ATTACHMENTS,
        {"create": "iam:DetachRolePolicy", "update": "iam:DetachRolePolicy"},
        on="role within the boundary",
    ),
    *_calls(
        "aws_iam_role_policy_attachments_exclusive",
        ATTACHMENTS,
        dict.fromkeys(("create", "read", "update"), "iam:ListAttachedRolePolicies"),
        on="role",
    ),
    Call(
        "aws_iam_role_policy_attachments_exclusive",
        "create",
        "iam:AttachRolePolicy",
        "role within the boundary",
        ATTACHMENTS,
        refusal="The module attaches no policy, so the provider only detaches.",
    ),
    *_calls(
        "aws_cloudwatch_log_group",
        GROUP,
        {
            "create": "logs:CreateLogGroup logs:PutRetentionPolicy logs:TagResource",
            "read": "logs:DescribeLogGroups",
            "update": "logs:AssociateKmsKey logs:PutRetentionPolicy",
        },
        on="log group",
    ),
    *_calls(
        "aws_cloudwatch_log_group",
        GROUP_TAGS,
        {
            "read": "logs:ListTagsForResource",
            "update": "logs:TagResource logs:UntagResource",
        },
        on="log group",
    ),
    # AWS checks an unlimited DescribeLogGroups on all groups.
    Call("aws_cloudwatch_log_group", "read", "logs:DescribeLogGroups", "all log groups", GROUP),
    *(
        Call(
            "aws_cloudwatch_log_group", phase, action, "log group", GROUP, refusal=f"The module {why}."
        )
        for phase, action, why in (
            ("update", "logs:DeleteRetentionPolicy", "always sets a retention"),
            ("update", "logs:DisassociateKmsKey", "always sets a key"),
            ("delete", "logs:DeleteLogGroup", "sets skip_destroy, because records are never deleted"),
        )
    ),
    *_calls(
        "aws_cloudwatch_log_data_protection_policy",
        MASKING,
        {
            "create": "logs:PutDataProtectionPolicy",
            "read": "logs:GetDataProtectionPolicy",
            "update": "logs:PutDataProtectionPolicy",
            "delete": "logs:DeleteDataProtectionPolicy",
        },
        on="log group",
    ),
    *(
        Call("aws_vpc_endpoint", phase, action, on, source, "endpoints")
        for phase, action, on, source in (
            ("create", "ec2:CreateVpcEndpoint", "new endpoint", ENDPOINT),
            ("create", "ec2:CreateVpcEndpoint", "network", ENDPOINT),
            ("create", "ec2:CreateTags", "tags of a new endpoint", EC2_TAGS),
            ("create", "route53:AssociateVPCWithHostedZone", "names of endpoints", ENDPOINT_NAMES),
            ("read", "ec2:DescribeVpcEndpoints", "no resource", ENDPOINT),
            ("read", "ec2:DescribePrefixLists", "no resource", ENDPOINT),
            ("read", "ec2:DescribeNetworkInterfaces", "no resource", ENDPOINT),
            ("update", "ec2:ModifyVpcEndpoint", "endpoint", ENDPOINT),
            ("update", "ec2:ModifyVpcEndpoint", "network", ENDPOINT),
            ("update", "ec2:CreateTags", "endpoint", EC2_TAGS),
            ("update", "ec2:DeleteTags", "endpoint", EC2_TAGS),
            ("delete", "ec2:DeleteVpcEndpoints", "endpoint", ENDPOINT),
        )
    ),
    Call("data.aws_kms_key", "read", "kms:DescribeKey", "key by its alias", KEY),
]  # fmt: skip

# What the commands call as the deployer, with the file that does.
TOOL_CALLS = [
    Call("", "", "lambda:InvokeFunction", "function", "tools/cli/function_call.py"),
    Call("", "", "lambda:InvokeFunction", "alias", "tools/cli/function_call.py"),
    Call("", "", "lambda:GetFunctionConfiguration", "function", "tools/cli/function_settings.py"),
    Call("", "", "iam:GetRole", "the deployer itself", "tools/live/deployer_reading.py"),
    Call("", "", "lambda:DeleteFunction", "version", "tools/live/function_versions.py"),
    Call("", "", "lambda:ListAliases", "function", "tools/live/function_versions.py"),
    Call("", "", "lambda:ListVersionsByFunction", "function", "tools/live/function_versions.py"),
    Call(
        "",
        "",
        "ec2:DescribeNetworkInterfaces",
        "no resource",
        "tools/live/network_interfaces.py",
        "vpc",
    ),
]
