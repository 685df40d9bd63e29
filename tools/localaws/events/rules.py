"""EventBridge's rules: which events they match, and what their targets get.

On AWS time alone delivers CloudTrail's events. Here ``POST /_control/deliver_events {}`` delivers those that are due by
the clock of the local AWS, so that a test knows when it has happened. moto keeps the rules.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.events.models import Rule

from tools.localaws.authorizer import AccessDeniedError, authorize
from tools.localaws.aws_lambda.authorization import trusts
from tools.localaws.call import Call, Caller
from tools.localaws.events.authorization import SERVICE, events_permissions
from tools.localaws.events.event_pattern import check_pattern
from tools.localaws.events.input_transformer import check_target, transformed
from tools.localaws.moto_state import backend
from tools.localaws.sns.service_messages import publish_as_service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.localaws.cloudtrail.management_events import ManagementEvent
    from tools.localaws.context import LocalAwsContext

# AWS names no time. It is here so that nobody counts on an event at once.
DELAY = timedelta(seconds=60)
_FROM_CLOUDTRAIL = "AWS API Call via CloudTrail"
_EVERY_STATE = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


@dataclass(frozen=True)
class Delivery:
    """What a rule sent to a target; ``text`` is what a topic got, and ``error`` why the target got nothing."""

    rule: str
    target: str
    error: str = ""
    text: str = ""


class Rules:
    """The rules of all buses."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        # moto would send to targets by itself, and without their policies.
        Rule.send_to_targets = lambda *_, **__: None  # type: ignore[method-assign]
        context.control_routes["deliver_events"] = self._deliver_due

    def check(self, call: Call) -> None:
        """Refuse a rule or a target that the local AWS would not treat as AWS does: ServiceError."""
        if call.operation == "PutRule" and call.parameters.get("EventPattern"):
            check_pattern(call.parameters["EventPattern"])
        if call.operation == "PutTargets":
            for target in call.parameters["Targets"]:
                check_target(target)

    def put(self, bus: str, event: Mapping[str, Any]) -> list[Delivery]:
        """Send an event that a bus, named by its ARN, has got to the targets of all rules that match it."""
        _, _, _, region, account, path = bus.split(":", 5)
        found = backend("events", account, region).event_buses.get(path.partition("/")[2])
        return [
            delivery
            for rule in ([] if found is None else list(found.rules.values()))
            if _receives(rule, event) and rule.event_pattern.matches_event(event)
            for target in list(rule.targets)
            for delivery in self._send(rule, target, event)
        ]

    def _deliver_due(self, _arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        latest = self._context.clock.now() - DELAY
        events = self._context.trail_events
        due = [event for event in list(events) if event.time <= latest]
        deliveries = []
        for event in due:
            events.remove(event)
            partition = backend("events", event.account, event.region).partition
            bus = f"arn:{partition}:events:{event.region}:{event.account}:event-bus/default"
            deliveries += self.put(bus, _bus_event(event))
        return [asdict(delivery) for delivery in deliveries]

    def _send(
        self,
        rule: Any,  # noqa: ANN401 - moto's rule
        target: Mapping[str, Any],
        event: Mapping[str, Any],
    ) -> Iterator[Delivery]:
        arn = target["Arn"]
        _, _, service, region, *_ = arn.split(":")
        try:
            if service == "sns":
                text = transformed(target, event)
                publish_as_service(SERVICE, rule.arn, arn, text)
                yield Delivery(rule.arn, arn, text=text)
            elif service == "events":
                self._authorize_forward(rule, target, region)
                yield Delivery(rule.arn, arn)
                yield from self.put(arn, event)
            else:
                yield Delivery(rule.arn, arn, f"The local AWS sends nothing to {service}.")
        except (AccessDeniedError, LookupError) as refused:
            yield Delivery(rule.arn, arn, str(refused))

    def _authorize_forward(self, rule: Any, target: Mapping[str, Any], region: str) -> None:  # noqa: ANN401
        """Raise an error unless the target's role may put events on the other bus.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html
        """
        role = target.get("RoleArn", "")
        if not role or not trusts(role, SERVICE):
            raise LookupError(f"The target of {rule.arn} has no role that trusts {SERVICE}.")
        session = self._context.start_role_session(role, "events")
        call = Call(
            service="events",
            operation="PutEvents",
            region=region,
            partition=role.split(":")[1],
            caller=Caller(session.principal, f"{session.role_id}:events", session),
            parameters={"Entries": [{"EventBusName": target["Arn"]}]},
            headers={},
            body=b"",
        )
        authorize(call, list(events_permissions(call)), self._context)


def _receives(rule: Any, event: Mapping[str, Any]) -> bool:  # noqa: ANN401 - moto's rule
    """Whether the rule is enabled for the event; for read-only management events only one state is.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
    """
    is_reading = event["detail-type"] == _FROM_CLOUDTRAIL and event["detail"].get("readOnly")
    return rule.state == _EVERY_STATE or (rule.state == "ENABLED" and not is_reading)


def _bus_event(event: ManagementEvent) -> dict[str, Any]:
    """Return CloudTrail's event as EventBridge has it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": _FROM_CLOUDTRAIL,
        "source": f"aws.{event.source.removesuffix('.amazonaws.com')}",
        "account": event.account,
        "time": f"{event.time:%Y-%m-%dT%H:%M:%SZ}",
        "region": event.region,
        "resources": [],
        "detail": {**event.content, "eventID": event.id},
    }
