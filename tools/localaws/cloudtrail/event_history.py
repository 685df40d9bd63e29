"""CloudTrail's event history in the local AWS: AssumeRole of an account's roles, and by its principals."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from tools.localaws.call import Call, Response
    from tools.localaws.context import LocalAwsContext

_LOOKED_UP = [{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}]
_PAGE = 50


@dataclass(frozen=True)
class AssumedRole:
    """A call of AssumeRole that was allowed; CloudTrail shows it to the caller's account and to the role's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
    """

    event_id: str
    time: datetime
    region: str
    accounts: frozenset[str]
    caller_arn: str
    role_arn: str
    session_name: str


class EventHistory:
    """Answers LookupEvents for AssumeRole, without CloudTrail's delay of minutes; other events are not kept."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context

    def answer(self, call: Call) -> Response | None:
        """Return the newest events first; None for another operation.

        https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
        """
        if (call.service, call.operation) != ("cloudtrail", "LookupEvents"):
            return None
        if call.parameters.get("LookupAttributes") != _LOOKED_UP:
            message = "The local AWS looks up events by the event name AssumeRole only."
            raise ServiceError("NotImplementedException", message)
        since = call.parameters.get("StartTime")
        events = [
            _event(event)
            for event in reversed(self._context.assumed_roles)
            if call.account in event.accounts
            and event.region == call.region
            and (since is None or event.time.timestamp() >= _seconds(since))
        ]
        start = int(call.parameters.get("NextToken") or 0)
        size = int(call.parameters.get("MaxResults") or _PAGE)
        more = {"NextToken": str(start + size)} if len(events) > start + size else {}
        return write_result(call, {"Events": events[start : start + size], **more})


def assumed_role(call: Call, time: datetime) -> AssumedRole:
    """Return the event of a call of AssumeRole."""
    role = str(call.parameters["RoleArn"])
    return AssumedRole(
        event_id=str(uuid.uuid4()),
        time=time,
        region=call.region,
        accounts=frozenset({call.account, role.split(":")[4]}),
        caller_arn=call.caller.principal.arn,
        role_arn=role,
        session_name=str(call.parameters["RoleSessionName"]),
    )


def _seconds(time: Any) -> float:  # noqa: ANN401 - a number on the wire, which moto's parser makes a datetime
    return time.timestamp() if isinstance(time, datetime) else float(time)


def _event(event: AssumedRole) -> dict[str, Any]:
    content = {
        "eventName": "AssumeRole",
        "eventSource": "sts.amazonaws.com",
        "awsRegion": event.region,
        "userIdentity": {"arn": event.caller_arn},
        "requestParameters": {"roleArn": event.role_arn, "roleSessionName": event.session_name},
    }
    return {
        "CloudTrailEvent": json.dumps(content),
        "EventId": event.event_id,
        "EventName": "AssumeRole",
        "EventSource": "sts.amazonaws.com",
        "EventTime": event.time,
        "ReadOnly": "true",
    }
