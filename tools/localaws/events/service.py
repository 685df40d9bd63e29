"""EventBridge: keeps what was put to each bus, so that tests and the demo can show it, and matches its rules."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.events.authorization import bus_arn
from tools.localaws.events.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call, Response
    from tools.localaws.context import LocalAwsContext


@dataclass(frozen=True)
class PutEvent:
    """An event that a bus has accepted; ``bus`` is its ARN."""

    bus: str
    source: str
    detail_type: str
    detail: Mapping[str, Any]


class EventBuses:
    """``POST /_control/events {bus?}`` returns the events of all buses or of one, oldest first."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._rules = Rules(context)
        context.control_routes["events"] = self._list

    def answer(self, call: Call) -> Response | None:
        """Note the events of PutEvents that are whole; moto refuses the others.

        AWS's own services alone use sources that begin with aws.:
        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
        """
        if call.service == "events":
            self._rules.check(call)
        if (call.service, call.operation) == ("events", "PutEvents"):
            for entry in call.parameters["Entries"]:
                if str(entry.get("Source")).startswith("aws."):
                    message = "Not authorized for the source."
                    raise ServiceError("NotAuthorizedForSourceException", message)
                if entry.get("Source") and entry.get("DetailType"):
                    self._note(bus_arn(call, entry.get("EventBusName")), entry)
        return None

    def _note(self, bus: str, entry: Mapping[str, Any]) -> None:
        try:
            detail = json.loads(entry.get("Detail") or "")
        except ValueError:
            return
        event = PutEvent(bus, entry["Source"], entry["DetailType"], detail)
        self._context.put_events.append(event)
        _, _, _, region, account, _ = bus.split(":", 5)
        self._rules.put(
            bus,
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": event.detail_type,
                "source": event.source,
                "account": account,
                "time": f"{self._context.clock.now():%Y-%m-%dT%H:%M:%SZ}",
                "region": region,
                "resources": entry.get("Resources") or [],
                "detail": detail,
            },
        )

    def _list(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        bus = arguments.get("bus")
        return [asdict(event) for event in self._context.put_events if bus in (None, event.bus)]
