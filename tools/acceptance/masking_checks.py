"""How CloudWatch masks an e-mail address beside the escapes of JSON, in a log group of the run's own.

Records are JSON, in which characters such as a line feed are escapes. No page says whether an identifier finds data
whose neighbour is the letter of an escape.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from tools.acceptance.observation import Check, Observation, compared, unknown
from tools.acceptance.waiting import wait_for
from tools.records.event import MalformedError, json_value

if TYPE_CHECKING:
    from tools.acceptance.sandbox import Sandbox

GROUP = "masking"
LONGEST_WAIT = 120  # seconds until the policy has an effect and an event can be read
PAUSE = 2.0
_PAGE = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/mask-sensitive-log-data.html"
IDENTIFIER = "EmailAddress"

# Where the address stands: the text before it and after it, and what that is in JSON.
PLACES = {
    "between spaces": ("Write to ", " today."),
    "after the escape of a line feed": ("Write to\n", " today."),
    "after the escape of a tab": ("Write to\t", " today."),
    "after an escaped quotation mark": ('Write to "', '" today.'),
    "after an escaped backslash": ("Write to \\", " today."),
    "after the escape of a control character": ("Write to\u001f", " today."),
    "before the escape of a line feed": ("Write to ", "\ntoday."),
}
PLAIN = "between spaces"


def _address(sandbox: Sandbox) -> str:
    return f"{sandbox.canary}@example.com"


def masked_events(sandbox: Sandbox) -> dict[str, str]:
    """Put one event for each place into a masked log group, and return them as a reader sees them.

    Events are put until the plain address is masked, because the policy has an effect on new events only; if it
    never is, those of the last attempt are returned.
    """
    logs, clock = sandbox.client("logs"), sandbox.clock
    group = f"/{sandbox.name('masking')}"
    logs.create_log_group(logGroupName=group)
    logs.put_data_protection_policy(
        logGroupIdentifier=group, policyDocument=_policy(sandbox.environment.partition)
    )
    attempts = 0
    seen: dict[str, str] = {}

    def attempt() -> dict[str, str] | None:
        nonlocal attempts
        attempts += 1
        stream = f"attempt-{attempts}"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [
            {"timestamp": now, "message": _message(place, _address(sandbox))} for place in PLACES
        ]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        found = wait_for(
            lambda: _read(logs, group, stream), clock, longest=LONGEST_WAIT / 4, pause=PAUSE
        ).value
        seen.update(found or {})
        return found if found and _address(sandbox) not in found[PLAIN] else None

    wait_for(attempt, clock, longest=LONGEST_WAIT, pause=PAUSE)
    return seen


def _policy(partition: str) -> str:
    """Return the policy as modules/customer-workload writes it."""
    identifiers = [f"arn:{partition}:dataprotection::aws:data-identifier/{IDENTIFIER}"]
    operations: list[tuple[str, dict[str, Any]]] = [
        ("CountWhatIsFound", {"Audit": {"FindingsDestination": {}}}),
        ("HideItFromReaders", {"Deidentify": {"MaskConfig": {}}}),
    ]
    statements = [
        {"Sid": sid, "DataIdentifier": identifiers, "Operation": operation}
        for sid, operation in operations
    ]
    return json.dumps({"Name": "mask", "Version": "2021-06-01", "Statement": statements})


def _message(place: str, address: str) -> str:
    before, after = PLACES[place]
    return json.dumps({"place": place, "text": f"{before}{address}{after}"})


def _read(logs: Any, group: str, stream: str) -> dict[str, str] | None:  # noqa: ANN401 - boto3's client
    """Return the events by their place, or None until all can be read."""
    answer = logs.filter_log_events(logGroupName=group, logStreamNames=[stream])
    messages = [event["message"] for event in answer["events"]]
    found = {
        place: message
        for place in PLACES
        for message in messages
        if message.startswith(f'{{"place": "{place}"')
    }
    return found if len(found) == len(PLACES) else None


def _masked(place: str, sandbox: Sandbox) -> Observation:
    message = sandbox.once(masked_events).get(place)
    if message is None:
        return unknown("The event could not be read in time.")
    shown = message.replace(_address(sandbox), "(the address)")
    return compared(sandbox.canary not in message, shown, message=shown)


def _length(sandbox: Sandbox) -> Observation:
    message = sandbox.once(masked_events).get(PLAIN)
    if message is None:
        return unknown("The event could not be read in time.")
    count, length = message.count("*"), len(_address(sandbox))
    seen = f"{count} asterisks for an address of {length} characters."
    return compared(count == length, seen, asterisks=count, characters=length)


def _json(sandbox: Sandbox) -> Observation:
    """A mask may begin inside an escape, which readers of records repair."""
    events = sandbox.once(masked_events)
    if not events:
        return unknown("No event could be read in time.")
    broken = []
    for place, message in events.items():
        try:
            json_value(message, is_masked=True)
        except MalformedError:
            broken.append(place)
    seen = f"Not readable any more: {', '.join(broken)}." if broken else "All can be read."
    return compared(not broken, seen, broken=broken)


def masking_checks() -> list[Check]:
    """Return the checks of this group."""
    checks = [
        Check(
            GROUP,
            f"an e-mail address {place} is masked",
            "No reader without logs:Unmask sees it.",
            _PAGE,
            partial(_masked, place),
            only_aws=True,
        )
        for place in PLACES
    ]
    return [
        *checks,
        Check(
            GROUP,
            "the length of a mask",
            "There is one asterisk for each character, so the parts of a record keep their sizes.",
            _PAGE,
            _length,
            only_aws=True,
        ),
        Check(
            GROUP,
            "masked events can be read as JSON",
            "A mask breaks at most the escape beside it, which `make logs` repairs.",
            _PAGE,
            _json,
            only_aws=True,
        ),
    ]
