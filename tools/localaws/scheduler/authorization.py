"""EventBridge Scheduler's permissions: on a schedule, and iam:PassRole on the role of its target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

SERVICE = "scheduler.amazonaws.com"
_DEFAULT = "default"


def scheduler_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of a call of Scheduler.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
    """
    action = f"scheduler:{call.operation}"
    if arn := call.parameter("ResourceArn"):
        yield Permission(action, arn, call.account)
        return
    name = call.parameter("Name")
    if call.operation.endswith("ScheduleGroup"):
        yield Permission(action, call.arn("scheduler", f"schedule-group/{name}"), call.account)
    elif name:
        group = call.parameter("GroupName") or _DEFAULT
        yield Permission(action, call.arn("scheduler", f"schedule/{group}/{name}"), call.account)
    else:
        yield Permission(action, "*", call.account)
    role = (call.parameters.get("Target") or {}).get("RoleArn")
    if role:
        context = {"iam:PassedToService": SERVICE}
        yield Permission("iam:PassRole", role, role.split(":")[4], context=context)
