"""CloudTrail's event history in the local AWS, as LookupEvents shows it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.cloudtrail.management_events import SOURCES
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.localaws.call import Call, Response
    from tools.localaws.cloudtrail.management_events import ManagementEvent
    from tools.localaws.context import LocalAwsContext

_KEPT = timedelta(days=90)
_PAGE = 50

# What LookupEvents compares with the value of each attribute. The user name of a role's session is the name of
# the session, as in the example of https://docs.aws.amazon.com/cli/latest/reference/cloudtrail/lookup-events.html
_ATTRIBUTES: Mapping[str, Callable[[ManagementEvent], set[str | None]]] = {
    "EventName": lambda event: {event.name},
    "EventSource": lambda event: {event.source},
    "ResourceName": lambda event: {name for _, name in event.resources},
    "Username": lambda event: {event.user_name},
}


class EventHistory:
    """Answers LookupEvents, without CloudTrail's delay of minutes."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context

    def answer(self, call: Call) -> Response | None:
        """Return the newest events first; None for another operation.

        https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
        """
        if (call.service, call.operation) != ("cloudtrail", "LookupEvents"):
            return None
        attribute, value = _looked_up(call)
        oldest = (self._context.clock.now() - _KEPT).timestamp()
        since = max(oldest, _seconds(call.parameters.get("StartTime") or oldest))
        events = [
            _summary(event)
            for event in reversed(self._context.management_events)
            if (event.account, event.region) == (call.account, call.region)
            and event.time.timestamp() >= since
            and value in _ATTRIBUTES[attribute](event)
        ]
        start = int(call.parameters.get("NextToken") or 0)
        size = int(call.parameters.get("MaxResults") or _PAGE)
        more = {"NextToken": str(start + size)} if len(events) > start + size else {}
        return write_result(call, {"Events": events[start : start + size], **more})


def _looked_up(call: Call) -> tuple[str, str]:
    """Return the one attribute of a request and its value; LookupEvents takes no second one."""
    attributes = call.parameters.get("LookupAttributes") or [{}]
    key, value = (attributes[0].get(name, "") for name in ("AttributeKey", "AttributeValue"))
    if len(attributes) > 1:
        raise ServiceError("InvalidLookupAttributesException", "Specify one lookup attribute.")
    known = {name for _, name in SOURCES}
    if key not in _ATTRIBUTES or (key == "EventName" and value not in known):
        message = (
            f"The local AWS keeps only events of {', '.join(sorted(known))}, and looks them up by one of "
            f"{', '.join(_ATTRIBUTES)}."
        )
        raise ServiceError("NotImplementedException", message)
    return key, value


def _seconds(time: Any) -> float:  # noqa: ANN401 - a number on the wire, which moto's parser makes a datetime
    return time.timestamp() if isinstance(time, datetime) else float(time)


def _summary(event: ManagementEvent) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "CloudTrailEvent": json.dumps({**event.content, "eventID": event.id}),
        "EventId": event.id,
        "EventName": event.name,
        "EventSource": event.source,
        "EventTime": event.time,
        "ReadOnly": "true",
        "Resources": [
            {"ResourceType": kind, "ResourceName": name} for kind, name in event.resources
        ],
    }
    if event.user_name is not None:
        summary["Username"] = event.user_name
    return summary
