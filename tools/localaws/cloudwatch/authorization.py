"""CloudWatch's permissions: on an alarm, and on metrics, which have no ARN, by their namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call


def cloudwatch_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of a call of CloudWatch.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
    """
    action = f"cloudwatch:{call.operation}"
    if call.operation == "PutMetricData":
        context = {"cloudwatch:namespace": call.parameter("Namespace")}
        yield Permission(action, "*", call.account, context=context)
        return
    names = call.parameters.get("AlarmNames") or filter(None, [call.parameter("AlarmName")])
    arns = [call.arn("cloudwatch", f"alarm:{name}") for name in names]
    arns += filter(None, [call.parameter("ResourceARN")])
    for arn in arns or ["*"]:
        yield Permission(action, arn, call.account)
