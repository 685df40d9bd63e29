"""Lambda: functions, and the role that is passed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.aws_lambda.function_version import read_name
from tools.localaws.moto_state import function_policy
from tools.localaws.permission import Asked, Check

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAMBDA_ACTIONS = {
    "Invoke": "lambda:InvokeFunction",
    "InvokeAsync": "lambda:InvokeFunction",
    "InvokeWithResponseStream": "lambda:InvokeFunction",
    "GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
}


def functions(asked: Asked) -> Iterator[Check]:
    """Checks of a Lambda call: on the function, and iam:PassRole on the role it is given."""
    call = asked.call
    action = _LAMBDA_ACTIONS.get(call.operation, f"lambda:{call.operation}")
    if arn := _function(asked):
        yield Check(action, arn, arn.split(":")[4], resource_policy=function_policy(arn))
    else:
        yield Check(action, "*", call.account)
    if role := asked.parameter("Role"):
        context = {"iam:PassedToService": "lambda.amazonaws.com"}
        yield Check("iam:PassRole", role, role.split(":")[4], context=context)


def _function(asked: Asked) -> str:
    """The ARN of the function that is named, in whichever account and by whichever spelling."""
    if not asked.parameter("FunctionName"):
        return asked.parameter("Resource")
    name = read_name(asked.call)
    arn = f"arn:{asked.partition}:lambda:{name.region}:{name.account}:function:{name.name}"
    return f"{arn}:{name.qualifier}" if name.qualifier else arn
