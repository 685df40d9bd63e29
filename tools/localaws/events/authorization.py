"""EventBridge permissions: on each bus to which events are put, and on rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend
from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

SERVICE = "events.amazonaws.com"
_DEFAULT = "default"


def events_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of an EventBridge call; another account's bus needs its own policy as well.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    action = f"events:{call.operation}"
    if call.operation == "PutEvents":
        buses = {bus_arn(call, entry.get("EventBusName")) for entry in call.parameters["Entries"]}
        if len({arn.split(":")[4] for arn in buses}) > 1:
            message = "The local AWS puts the events of one call to buses of one account only."
            raise ServiceError("NotImplementedException", message)
        for arn in sorted(buses):
            yield _bus_permission(action, arn)
        return
    bus = call.parameter("EventBusName") or _DEFAULT
    name = call.parameter("Rule") or (call.parameter("Name") if "Rule" in call.operation else "")
    if "Targets" in call.operation or name:
        scope = "" if bus == _DEFAULT else f"{bus.rpartition('/')[2]}/"
        yield Permission(action, call.arn("events", f"rule/{scope}{name}"), call.account)
        for target in call.parameters.get("Targets") or ():
            if role := target.get("RoleArn"):
                context = {"iam:PassedToService": SERVICE}
                yield Permission("iam:PassRole", role, role.split(":")[4], context=context)
    elif call.operation.endswith(("EventBus", "Permission")):
        yield Permission(action, bus_arn(call, call.parameter("Name") or bus), call.account)
    elif arn := call.parameter("ResourceARN"):
        yield Permission(action, arn, arn.split(":")[4])
    else:
        yield Permission(action, "*", call.account)


def bus_arn(call: Call, reference: str | None) -> str:
    """Return the ARN of a bus that is named by its name or ARN."""
    name = reference or _DEFAULT
    return name if name.startswith("arn:") else call.arn("events", f"event-bus/{name}")


def _bus_permission(action: str, arn: str) -> Permission:
    _, _, _, region, account, path = arn.split(":", 5)
    bus = backend("events", account, region).event_buses.get(path.partition("/")[2])
    return Permission(
        action,
        arn,
        account,
        resource_policy=None if bus is None else bus.policy,
        resource_policy_name=f"policy of the event bus {arn}",
    )
