"""EventBridge: keeps what was put to each bus, so that tests and the demo can show it; moto answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tools.localaws.events.authorization import bus_arn

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
        context.control_routes["events"] = self._list

    def answer(self, call: Call) -> Response | None:
        """Note the events of PutEvents that are whole; moto refuses the others."""
        if (call.service, call.operation) == ("events", "PutEvents"):
            for entry in call.parameters["Entries"]:
                if entry.get("Source") and entry.get("DetailType"):
                    self._note(bus_arn(call, entry.get("EventBusName")), entry)
        return None

    def _note(self, bus: str, entry: Mapping[str, Any]) -> None:
        try:
            detail = json.loads(entry.get("Detail") or "")
        except ValueError:
            return
        self._context.put_events.append(PutEvent(bus, entry["Source"], entry["DetailType"], detail))

    def _list(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        bus = arguments.get("bus")
        return [asdict(event) for event in self._context.put_events if bus in (None, event.bus)]
