"""`make logs`: a tenant's records, read by the only role that may, as a table or as JSON."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from commands import arguments, environment
from commands.console import CommandError, out, run, table, warn
from commands.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def main() -> int:
    """Print the records of one customer account, oldest first."""
    options = arguments.parser(__doc__, tenant="required")
    options.add_argument("--account", help="one of the tenant's accounts, when it has several")
    options.add_argument("--json", action="store_true", help="one whole record a line")
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    account = arguments.only_account(env, chosen.tenant, chosen.account)
    found = list(records(Workspace(), env, account))
    if chosen.json:
        for record in found:
            out.print(json.dumps(record), markup=False)
        return 0
    shown = table("time", "alias", "tokens", "ms", "ended", "record", "prompt", "answer")
    room = max(12, (out.width - 80) // 2)  # what the other columns leave for each text
    for record in found:
        *facts, prompt, answer = row(record)
        shown.add_row(*facts, _cut(prompt, room), _cut(answer, room))
    out.print(shown)
    return 0


def records(
    workspace: Workspace, env: environment.Environment, account: environment.CustomerAccount
) -> Iterator[dict[str, Any]]:
    """Every record in the account's record log group, whole; CommandError when this caller may not read it."""
    client = workspace.client(env, workspace.reader(env, account), "logs")
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=env.records_of(account.tenant)
    )
    try:
        yield from whole(event["message"] for page in pages for event in page["events"])
    except client.exceptions.ClientError as error:
        raise CommandError(
            f"The records cannot be read: {error.response['Error']['Message']}"
        ) from None


def whole(messages: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The records in ``messages``: parts joined, copies dropped.

    CloudWatch Logs takes a repeated put as a second event. A record above its size for one event
    comes in parts that say how many they are and the SHA-256 of the whole; CommandError when it differs.
    """
    seen: set[tuple[str, str]] = set()
    parts: dict[tuple[str, str], dict[int, str]] = {}
    foreign = 0
    for message in messages:
        record = _record(message)
        if record is None:
            foreign += 1
            continue
        ours = record["tenantBedrock"]
        named = ours["recordId"], ours["phase"]
        if named in seen:
            continue
        if "parts" in ours:
            have = parts.setdefault(named, {})
            have[ours["part"]] = record["body"]
            if len(have) < ours["parts"]:
                continue
            text = "".join(have[number] for number in sorted(have))
            if hashlib.sha256(text.encode()).hexdigest() != ours["sha256"]:
                raise CommandError(
                    f"Record {named[0]} was altered: its parts do not have the SHA-256 they state."
                )
            record = json.loads(text)
        seen.add(named)
        yield record
    if foreign:  # the log is the customer's, who may write to it too
        warn(f"{foreign} events in the log group are no records and are left out.")
    missing = sorted(f"{record_id} ({phase})" for record_id, phase in parts.keys() - seen)
    if missing:
        raise CommandError(f"Parts are missing of {', '.join(missing)}.")


def _record(message: str) -> dict[str, Any] | None:
    """The record, or part of one, in an event; None when it holds something else."""
    try:
        record: dict[str, Any] = json.loads(message)
        _ = record["tenantBedrock"]["recordId"], record["tenantBedrock"]["phase"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return None
    return record


def row(record: dict[str, Any]) -> tuple[str, ...]:
    """A record as a row of the table, the prompt and the answer last."""
    ours, asked, answered = (
        record["tenantBedrock"],
        record.get("input", {}),
        record.get("output", {}),
    )
    body = answered.get("outputBodyJson", {})
    messages = asked.get("inputBodyJson", {}).get("messages", [])
    return (
        record["timestamp"].replace("T", " ")[:19],
        ours.get("alias", ""),
        f"{asked.get('inputTokenCount', '-')}/{answered.get('outputTokenCount', '-')}",
        str(body.get("metrics", {}).get("latencyMs", "-")),
        record.get("errorCode") or body.get("stopReason", ours["phase"]),
        ours["recordId"][:13],
        _text(messages[-1:]),
        _text([body["output"]["message"]] if "output" in body else []),
    )


def _cut(text: str, room: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= room else f"{line[: room - 1]}…"


def _text(messages: list[dict[str, Any]]) -> str:
    return " ".join(block.get("text", "") for message in messages for block in message["content"])


if __name__ == "__main__":
    run(main)
