"""Lambda permissions: on functions, on the role passed to a function, and Lambda's own use of that role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from moto.awslambda.exceptions import UnknownFunctionException

from tools.iam.evaluator import Request, Requester
from tools.iam.policy import Kind
from tools.localaws.authorizer import allows_service
from tools.localaws.aws_lambda.function_version import read_name
from tools.localaws.moto_state import backend, role_by_arn
from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

_INVOCATIONS = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})
_SERVICE = "lambda.amazonaws.com"


def lambda_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of a Lambda call: on the function, and iam:PassRole on the function's role."""
    operation = "InvokeFunction" if call.operation in _INVOCATIONS else call.operation
    action = f"lambda:{operation}"
    if arn := _function_arn(call):
        config = call.parameter("CodeSigningConfigArn")
        context = {"lambda:CodeSigningConfigArn": config} if config else {}
        policy = _function_policy(arn)
        yield Permission(action, arn, arn.split(":")[4], context, resource_policy=policy)
    else:
        yield Permission(action, "*", call.account)
    if role := call.parameter("Role"):
        context = {"iam:PassedToService": _SERVICE}
        yield Permission("iam:PassRole", role, role.split(":")[4], context=context)


def _function_arn(call: Call) -> str:
    """The ARN of the function, whether the call refers to it by name, partial ARN or ARN."""
    if not call.parameter("FunctionName"):
        return call.parameter("Resource")
    name = read_name(call)
    arn = f"arn:{call.partition}:lambda:{name.region}:{name.account}:function:{name.name}"
    return f"{arn}:{name.qualifier}" if name.qualifier else arn


def _function_policy(arn: str) -> str | None:
    """The function's resource policy; None when it has none."""
    _, _, _, region, account, _, name, *_ = arn.split(":")
    try:
        function = backend("lambda", account, region).get_function(name)
    except UnknownFunctionException:
        return None
    policy = function.policy
    statements = policy.statements if policy else []
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None


def trusts_lambda(role_arn: str) -> bool:
    """Whether the role exists and its trust policy allows Lambda to assume it.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """
    return trusts(role_arn, _SERVICE)


def trusts(role_arn: str, service: str) -> bool:
    """Whether the role exists and its trust policy allows a service to assume it for the role's account."""
    role = role_by_arn(role_arn)
    if role is None:
        return False
    request = Request(
        action="sts:AssumeRole",
        resource=role_arn,
        context={
            "aws:PrincipalIsAWSService": "true",
            "aws:SourceAccount": role_arn.split(":")[4],
        },
        requester=Requester(service=service),
    )
    document = role.assume_role_policy_document
    return allows_service(document, f"trust policy of {role.name}", Kind.TRUST, request)
