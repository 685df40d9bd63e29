"""Whether a trail logs what the rules about access are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.readiness.readiness_check import ReadinessCheck, ok, to_do

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.cli.session import Session

_ADVICE = (
    "Let a trail log all management events of all Regions in the operations account, or write access_rules = false in "
    "operations.guard."
)


def trails(session: Session) -> Iterator[ReadinessCheck]:
    """Look for a trail that logs management events of all Regions, if the guard's rules need one.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    guard = (session.environment.variables.get("operations") or {}).get("guard")
    if guard is None or guard.get("access_rules") is False:
        return
    cloudtrail = session.target.client(session.target.operations(), "cloudtrail")
    found = cloudtrail.describe_trails()["trailList"]
    names = [trail["Name"] for trail in found if _tells(cloudtrail, trail)]
    if names:
        yield ok("trail", f"{names[0]} logs management events")
    else:
        yield to_do("trail", "none logs management events of all Regions", _ADVICE)


def _tells(cloudtrail: Any, trail: Mapping[str, Any]) -> bool:  # noqa: ANN401 - boto3's client
    arn = trail["TrailARN"]
    if not trail["IsMultiRegionTrail"] or not cloudtrail.get_trail_status(Name=arn)["IsLogging"]:
        return False
    selectors = cloudtrail.get_event_selectors(TrailName=arn)
    advanced = selectors.get("AdvancedEventSelectors") or ()
    basic = selectors.get("EventSelectors") or ()
    if not advanced and not basic:
        return True
    return any(map(_selects_all, advanced)) or any(
        selector.get("IncludeManagementEvents", True) and selector.get("ReadWriteType") == "All"
        for selector in basic
    )


def _selects_all(selector: Mapping[str, Any]) -> bool:
    fields = {each["Field"]: each.get("Equals") for each in selector["FieldSelectors"]}
    return fields.get("eventCategory") == ["Management"] and "readOnly" not in fields
