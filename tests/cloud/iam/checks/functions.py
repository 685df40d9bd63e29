"""Lambda: functions, and the role that is passed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cloud.iam.checks.asked import Asked, Check
from tests.cloud.moto_state import function_policy

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
    named = asked.parameter("FunctionName", "Resource")
    if not named:
        yield Check(action, "*", call.account)
    else:
        given = named.startswith("arn:")
        arn = named if given else asked.arn("lambda", f"function:{named.rpartition(':')[2]}")
        if qualifier := asked.parameter("Qualifier"):
            arn = f"{arn}:{qualifier}"
        yield Check(action, arn, arn.split(":")[4], resource_policy=function_policy(arn))
    if role := asked.parameter("Role"):
        context = {"iam:PassedToService": "lambda.amazonaws.com"}
        yield Check("iam:PassRole", role, role.split(":")[4], context=context)
