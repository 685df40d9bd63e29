"""What Bedrock keeps in the operations account: data retention, invocation logging, and CloudTrail's events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.acceptance.observation import Check, Observation, compared, unknown
from tools.acceptance.waiting import Delay, wait_for
from tools.cli.data_retention import read_retention
from tools.command_error import CommandError
from tools.live.granted_models import granted_models, granted_regions

if TYPE_CHECKING:
    from tools.acceptance.sandbox import Sandbox

SETTINGS_GROUP, TRAIL_GROUP = "settings", "CloudTrail"
# The page of LookupEvents states no delay, so this bound is the command's own:
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
LONGEST_WAIT = 900  # seconds
PAUSE = 20.0
_RETENTION = (
    "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetAccountDataRetention.html"
)
_LOGGING = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html"
_TRAIL = "https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html"
_REGIONS = (
    "https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html"
)
CALLS = frozenset({"Converse", "InvokeModel"})


@dataclass(frozen=True)
class TrailedCall:
    """The call of a model that CloudTrail shows of the run's own session, as the event's text and members."""

    found: Delay[dict[str, Any]]
    text: str

    @property
    def event(self) -> dict[str, Any]:
        """The event's members; empty if it did not appear."""
        return self.found.value or {}


def _regions(sandbox: Sandbox) -> list[str]:
    environment = sandbox.environment
    models = granted_models(environment.stanzas, [sandbox.tenant])
    return granted_regions(environment.operations_region, models)


def _retention(sandbox: Sandbox) -> Observation:
    results = read_retention(sandbox.target, _regions(sandbox))
    modes = {result.region: result.mode for result in results}
    unread = [result.region for result in results if result.mode is None]
    if unread:
        return unknown(f"It cannot be read in {', '.join(unread)}.", modes=modes)
    others = [region for region, mode in modes.items() if mode != "none"]
    seen = f"Another in {', '.join(others)}." if others else f'"none" in {len(modes)} Regions.'
    return compared(not others, seen, modes=modes)


def _logging(sandbox: Sandbox) -> Observation:
    regions = _regions(sandbox)
    logged = [
        region
        for region, client in sandbox.target.bedrock_clients(regions).items()
        if client.get_model_invocation_logging_configuration().get("loggingConfig")
    ]
    seen = f"On in {', '.join(logged)}." if logged else f"Off in {len(regions)} Regions."
    return compared(not logged, seen, regions=regions, logged=logged)


def trailed_call(sandbox: Sandbox) -> TrailedCall:
    """Call a model once in the tenant's session, and look up the event by the session's access key."""
    session = sandbox.tenant_session()
    sandbox.converse(session)
    called = sandbox.clock.now()
    credentials = session.get_credentials()
    if credentials is None:
        raise CommandError("The tenant's session has no keys.")
    key = credentials.access_key
    trail = sandbox.client("cloudtrail")
    texts: list[str] = []

    def attempt() -> dict[str, Any] | None:
        answer = trail.lookup_events(
            LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": key}]
        )
        for entry in answer["Events"]:
            event: dict[str, Any] = json.loads(entry["CloudTrailEvent"])
            if event.get("eventName") in CALLS and not event.get("errorCode"):
                texts.append(entry["CloudTrailEvent"])
                return event
        return None

    found = wait_for(attempt, sandbox.clock, longest=LONGEST_WAIT, pause=PAUSE, since=called)
    return TrailedCall(found, texts[0] if texts else "")


def _existing(sandbox: Sandbox) -> TrailedCall:
    call = sandbox.once(trailed_call)
    if call.found.value is None:
        raise CommandError(f"CloudTrail did not show the call within {LONGEST_WAIT} s.")
    return call


def _appears(sandbox: Sandbox) -> Observation:
    delay = sandbox.once(trailed_call).found
    if delay.value is None:
        return compared(agrees=False, seen=f"It did not appear within {LONGEST_WAIT} s.")
    seconds, name = round(delay.seconds), delay.value["eventName"]
    return compared(
        agrees=True, seen=f"{name} appeared {seconds} s after the call.", seconds=seconds
    )


def _served_in(sandbox: Sandbox) -> Observation:
    details = _existing(sandbox).event.get("additionalEventData") or {}
    region = details.get("inferenceRegion")
    if sandbox.stanza_model.get("route", "on-demand") == "on-demand":
        return unknown("The model is called on demand, so it runs in the Region that is called.")
    called, granted = sandbox.region, _regions(sandbox)
    if region is None:
        seen = f"The event names no other Region, so it ran in {called}, which was called."
        return compared(agrees=True, seen=seen, inferenceRegion=None)
    is_granted = region in granted or sandbox.stanza_model["route"] == "global"
    ending = "." if is_granted else ", which the stanza does not grant."
    return compared(is_granted, f"It ran in {region}{ending}", inferenceRegion=region)


def _without_content(sandbox: Sandbox) -> Observation:
    text = _existing(sandbox).text
    seen = "The prompt is in the event." if sandbox.canary in text else "The prompt is not there."
    return compared(sandbox.canary not in text, seen)


def _session_name(sandbox: Sandbox) -> Observation:
    arn = str(_existing(sandbox).event.get("userIdentity", {}).get("arn"))
    name = arn.rpartition("/")[2]
    return compared(name == sandbox.tenant, f"The session's name is {name}.")


def settings_checks() -> list[Check]:
    """Return the checks of the settings of Bedrock."""
    return [
        Check(
            SETTINGS_GROUP,
            "Bedrock's data retention",
            'It is "none" in every Region that the stanza names.',
            _RETENTION,
            _retention,
            only_aws=True,
        ),
        Check(
            SETTINGS_GROUP,
            "Bedrock's invocation logging",
            "It is off in every Region that the stanza names.",
            _LOGGING,
            _logging,
        ),
    ]


def trail_checks() -> list[Check]:
    """Return the checks of CloudTrail."""
    rows = [
        (
            "CloudTrail shows a call of a model",
            f"Its event history has the call within {LONGEST_WAIT} s.",
            _TRAIL,
            _appears,
        ),
        (
            "CloudTrail names the Region that served a call",
            "additionalEventData.inferenceRegion names it if it is not the one called, and the stanza grants it.",
            _REGIONS,
            _served_in,
        ),
        (
            "CloudTrail holds no prompt",
            "The event holds neither prompt nor answer.",
            _TRAIL,
            _without_content,
        ),
        (
            "CloudTrail's session name",
            "The event names the tenant's session by the tenant's name alone.",
            _TRAIL,
            _session_name,
        ),
    ]
    return [
        Check(TRAIL_GROUP, name, expected, page, observe, only_aws=True)
        for name, expected, page, observe in rows
    ]
