"""Tells the operator and the customer that a threshold was passed, a quota is reached, or calls are let in again."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from operations_guard.guard_input import TOKENS, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operations_guard.guard_input import GuardedTenant
    from operations_guard.usage_parameter import Change

SOURCE = "tenant-bedrock.quota"
PASSED, REACHED, RENEWED = "Quota threshold passed", "Quota reached", "Quota renewed"
_SUBJECT = 100  # characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_log = logging.getLogger(__name__)


class NotToldError(Exception):
    """EventBridge has not accepted an event."""


@dataclass(frozen=True)
class QuotaNotices:
    """Sends to the operator's topic and bus, and to the customer's bus if its stanza names one."""

    sns: Any  # boto3's clients
    events: Any
    environment: str
    topic: str
    event_bus: str

    def tell(self, tenant: GuardedTenant, changes: Iterable[Change]) -> None:
        """Tell what has changed; raises NotToldError and botocore's errors if the operator is not told.

        A customer's bus may be gone or refuse. Only the log says so, because nobody here can change it.
        """
        for change in changes:
            event = self._event(tenant, change)
            self.sns.publish(
                TopicArn=self.topic,
                Subject=f"{event['DetailType']}: {tenant.name} in {self.environment}"[:_SUBJECT],
                Message=sentence(tenant.name, self.environment, change),
            )
            self._put(self.event_bus, event)
            if tenant.event_bus is not None:
                try:
                    self._put(tenant.event_bus, event)
                except (BotoCoreError, ClientError, NotToldError) as error:
                    _log.warning("The event bus of %s has refused an event: %s", tenant.name, error)

    def _put(self, bus: str, event: dict[str, str]) -> None:
        answer = self.events.put_events(Entries=[{**event, "EventBusName": bus}])
        if answer["FailedEntryCount"]:
            entry = answer["Entries"][0]
            raise NotToldError(f"{entry['ErrorCode']}: {entry['ErrorMessage']}")

    def _event(self, tenant: GuardedTenant, change: Change) -> dict[str, str]:
        use = change.use
        detail = {
            "environment": self.environment,
            "tenant": tenant.name,
            "alias": use.limit.alias,
            "window": use.limit.window,
            "unit": use.limit.unit,
            "used": round(use.used, 6),
            "limit": use.limit.most,
            "percent": round(use.percent, 1),
            "threshold": change.level,
            "window_end": f"{use.window.end:%Y-%m-%dT%H:%M:%SZ}",
        }
        named = (
            "environment", "tenant", "alias", "window", "unit", "limit", "threshold", "window_end",
        )  # fmt: skip
        detail["id"] = digest_of([detail[name] for name in named])
        kind = RENEWED if change.is_renewal else REACHED if change.is_reached else PASSED
        return {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail)}


def sentence(tenant: str, environment: str, change: Change) -> str:
    """Return the message of the topic, for a person."""
    use = change.use
    of_alias = "" if use.limit.alias is None else f" for {use.limit.alias}"
    what = f"{_amount(use.limit.most, use.limit.unit)} a {use.limit.window}{of_alias}"
    end = f"{use.window.end:%Y-%m-%d %H:%M} UTC"
    until = f"The {use.limit.window} ends at {end}."
    used = _amount(use.used, use.limit.unit)
    if change.is_renewal:
        return (
            f"{tenant} in {environment} is let in again: it has used {used} of its quota of {what}. "
            f"{until}"
        )
    if change.is_reached:
        calls = "All its calls" if use.limit.alias is None else f"Its calls of {use.limit.alias}"
        return (
            f"{tenant} in {environment} has reached its quota of {what}: it has used {used}. {calls} are refused until "
            f"{end}, or until its quota is raised and applied."
        )
    return f"{tenant} in {environment} has used {use.percent:.0f} % of its quota of {what}: {used}. {until}"


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} tokens" if unit == TOKENS else f"{value:,.2f} US dollars"
