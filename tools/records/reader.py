"""Reads a tenant's records as the reader role: joins parts, drops copies and reports damage."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from tools.cli.console import warn
from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount

Record = dict[str, Any]
Place = Literal["delivered", "spilled"]

# The latest of these phases is the one to show: a start mark comes before the call's end, and a call
# that was recorded as incomplete may still be answered.
_PHASES = ("start", "incomplete", "error", "end")
_LOG_LINES = {"record.start", "record.spilled"}
# CloudWatch shows an asterisk for each character that a data protection policy masks.
_MASK = "****"
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Entry:
    """The record of one call, and where it was found."""

    record: Record
    place: Place

    @property
    def id(self) -> str:
        """The record id."""
        return str(self.record["tenantBedrock"]["recordId"])

    @property
    def phase(self) -> str:
        """``start`` when there is only the start mark, which is a gap."""
        return str(self.record["tenantBedrock"]["phase"])


@dataclass(frozen=True)
class RecordFilter:
    """Which records to return; ``error`` is AWS's code or ``any``."""

    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    error: str | None = None

    def matches(self, record: Record) -> bool:
        """Return whether the filter selects ``record``."""
        timestamp = datetime.fromisoformat(record["timestamp"])
        code = record.get("errorCode")
        return (
            (self.since is None or timestamp >= self.since)
            and (self.until is None or timestamp < self.until)
            and self.model in (None, record["tenantBedrock"].get("alias"), record.get("modelId"))
            and (self.error is None or (code is not None and self.error in ("any", code)))
        )


class RecordReader:
    """Collects records event by event, in any order, from both log groups."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.foreign_events = 0
        self.masked_records = 0
        self._entries: dict[tuple[str, str], Entry] = {}
        self._parts: dict[tuple[str, str, Place, str], dict[int, Record]] = {}

    def add_message(self, message: str, place: Place) -> None:
        """Add one event of the record log group, or one line of the function's own log."""
        record = _parse(message)
        if record is None:
            self.foreign_events += 1
            return
        details = record["tenantBedrock"]
        if "parts" not in details:
            self._add_record(record, place)
            return
        key = details["recordId"], details["phase"], place, details["sha256"]
        parts = self._parts.setdefault(key, {})
        parts[details["part"]] = record
        if len(parts) == details["parts"]:
            self._join_parts(key, "".join(parts[number]["body"] for number in sorted(parts)))

    def entries(self, record_filter: RecordFilter | None = None) -> list[Entry]:
        """Return one entry for each matching call, oldest first."""
        latest: dict[str, Entry] = {}
        for entry in self._entries.values():
            other = latest.get(entry.id)
            if other is None or _PHASES.index(entry.phase) > _PHASES.index(other.phase):
                latest[entry.id] = entry
        matches = [
            entry
            for entry in latest.values()
            if record_filter is None or record_filter.matches(entry.record)
        ]
        return sorted(matches, key=lambda entry: entry.record["timestamp"])

    def damage(self) -> list[str]:
        """Return a sentence for everything that is wrong with the records read so far."""
        incomplete = []
        for (record_id, phase, _, _), parts in self._parts.items():
            count = next(iter(parts.values()))["tenantBedrock"]["parts"]
            missing = [str(number) for number in range(1, count + 1) if number not in parts]
            if missing and (record_id, phase) not in self._entries:
                incomplete.append(
                    f"Record {record_id} ({phase}): part {', '.join(missing)} of {count} is missing."
                )
        return [*self.problems, *incomplete]

    def _join_parts(self, key: tuple[str, str, Place, str], text: str) -> None:
        record_id, phase, place, sha256 = key
        if hashlib.sha256(text.encode()).hexdigest() == sha256:
            self._add_record(json.loads(text), place)
        elif _MASK in text:
            self.masked_records += 1
            self._add_record(json.loads(text), place)
        else:
            self.problems.append(
                f"Record {record_id} ({phase}) was altered: its parts do not have the SHA-256 that they state."
            )

    def _add_record(self, record: Record, place: Place) -> None:
        """Add a whole record. A repeated put is a second event, and a late put may follow a copy."""
        entry = Entry(record, place)
        first = self._entries.setdefault((entry.id, entry.phase), entry)
        if first.record != record:
            self.problems.append(
                f"Record {entry.id} ({entry.phase}) exists twice, and the two differ."
            )


def read_records(
    target: Target,
    account: CustomerAccount,
    since: datetime | None = None,
    *,
    unmask: bool = False,
) -> RecordReader:
    """Read both log groups of an account as the reader role; CommandError when access is refused.

    With ``unmask`` it reads as the unmasker role, which sees what a data protection policy masks.
    """
    environment = target.environment
    reader = RecordReader()
    client = target.client(target.reader(account, unmask=unmask), "logs")
    # A record is put after its call began, so no event before ``since`` belongs to a later call.
    parameters: dict[str, Any] = {"startTime": int(since.timestamp() * 1000)} if since else {}
    if unmask:
        parameters["unmask"] = True
    record_log_group = environment.record_log_group(account.tenant)
    for message in _messages(client, logGroupName=record_log_group, **parameters):
        reader.add_message(message, "delivered")
    if reader.foreign_events:  # the log group is the customer's, and others there may write to it
        warn(f"{reader.foreign_events} events in the log group are not records and are ignored.")
    # Spilled records and start marks are lines of the function's own log.
    function_log_group = f"/aws/lambda/{environment.base_name(account.tenant)}"
    parameters["filterPattern"] = '"tenantBedrock"'
    for message in _messages(client, logGroupName=function_log_group, **parameters):
        reader.add_message(message, "spilled")
    if reader.masked_records:
        warn(
            f"{reader.masked_records} records in parts are masked for this reader, so their SHA-256 cannot be "
            "checked. Add UNMASK=1 if you may read them unmasked."
        )
    return reader


def _messages(client: Any, **parameters: Any) -> Iterator[str]:  # noqa: ANN401 - boto3's client and its parameters
    try:
        for page in client.get_paginator("filter_log_events").paginate(**parameters):
            yield from (event["message"] for event in page["events"])
    except client.exceptions.ClientError as error:
        message = error.response["Error"]["Message"]
        raise CommandError(f"{parameters['logGroupName']} cannot be read: {message}") from None


def _parse(message: str) -> Record | None:
    """Return the record, start mark or part in an event; None when the event is something else."""
    try:
        line = json.loads(message)
        record: Record = line["record"] if line.get("message") in _LOG_LINES else line
        _ = record["tenantBedrock"]["recordId"], record["tenantBedrock"]["phase"]
    except (AttributeError, json.JSONDecodeError, KeyError, TypeError):
        return None
    return record


def parse_time(text: str) -> datetime:
    """Return a time such as 2026-11-23T14:00, in UTC unless it says otherwise, or 30m, 12h or 7d ago."""
    if age := re.fullmatch(r"(\d+)([mhd])", text):
        return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f'"{text}" is not a valid time; write one such as 2026-11-23T14:00, or 30m, 12h or 7d to count back.'
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
