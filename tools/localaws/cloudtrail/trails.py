"""Which calls an account's trails log: EventBridge has CloudTrail's events of these alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.moto_state import backends

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_logged(account: str, region: str, *, read_only: bool) -> bool:
    """Whether a trail of the account logs management events of this kind in the Region.

    "To record events with a detail-type value of AWS API Call via CloudTrail, a CloudTrail trail with logging enabled
    is required": https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    return any(_logs(trail, read_only=read_only) for trail in _trails(account, region))


def _trails(account: str, region: str) -> Iterator[Any]:
    for owner, home, cloudtrail in list(backends("cloudtrail").iter_backends()):
        if owner == account:
            for trail in list(cloudtrail.trails.values()):
                if trail.status.is_logging and (trail.is_multi_region or home == region):
                    yield trail


def _logs(trail: Any, *, read_only: bool) -> bool:  # noqa: ANN401 - moto's trail
    """Evaluate the selectors; a trail without any logs all management events.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html
    """
    if trail.advanced_event_selectors:
        return any(_selects(each, read_only=read_only) for each in trail.advanced_event_selectors)
    kinds = {"All", "ReadOnly" if read_only else "WriteOnly"}
    return not trail.event_selectors or any(
        each.get("IncludeManagementEvents", True) and each.get("ReadWriteType", "All") in kinds
        for each in trail.event_selectors
    )


def _selects(selector: dict[str, Any], *, read_only: bool) -> bool:
    fields = {each["Field"]: each.get("Equals") for each in selector["FieldSelectors"]}
    if fields.get("eventCategory") != ["Management"]:
        return False
    return fields.get("readOnly") in (None, [str(read_only).lower()])
