"""Reads a tenant's records as the reader role: joins parts, drops copies and reports damage."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from tools.cli.console import progress, visible, warn
from tools.command_error import CommandError
from tools.records.event import (
    MASK,
    PHASES,
    Event,
    MalformedError,
    as_text,
    differ_by_masks_alone,
    read_event,
    read_joined,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount, Environment
    from tools.records.event import Record

Place = Literal["delivered", "spilled"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHOWN_PARTS = 10  # a forged part may state any number of parts
# Fewer characters of an id than these, beside a mask, do not tell one call from another.
_UNMASKED_CHARACTERS = 8


@dataclass(frozen=True)
class Entry:
    """The record of one call, where it was found, and its JSON text if that is known.

    ``is_readable`` is False if masks cover so much that only the id, phase and time could be read.
    """

    record: Record
    place: Place
    text: str = ""
    is_readable: bool = True

    @property
    def id(self) -> str:
        """The record id."""
        return str(self.record["tenantBedrock"]["recordId"])

    @property
    def phase(self) -> str:
        """``start`` when there is only the start mark, which is a gap."""
        return str(self.record["tenantBedrock"]["phase"])

    @property
    def json(self) -> str:
        """The record's own JSON text on one line; what Lambda wrapped in a line is written anew."""
        return self.text or as_text(self.record)

    @property
    def has_masked_id(self) -> bool:
        """Whether too little of the id is left to tell which records belong to the same call."""
        rest = re.sub(r"[*-]", "", self.id)
        return MASK.search(self.id) is not None and len(rest) < _UNMASKED_CHARACTERS


@dataclass(frozen=True)
class RecordFilter:
    """Which records to return; ``error`` is AWS's code or ``any``."""

    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    error: str | None = None

    def matches(self, record: Record) -> bool:
        """Return whether the filter selects ``record``; a masked time is never outside."""
        time = time_of(record)
        code = record.get("errorCode")
        return (
            (self.since is None or time is None or time >= self.since)
            and (self.until is None or time is None or time < self.until)
            and self.model in (None, record["tenantBedrock"].get("alias"), record.get("modelId"))
            and (self.error is None or (code is not None and self.error in ("any", code)))
        )


@dataclass(frozen=True)
class _PartKey:
    """What the parts of one record have in common."""

    record_id: str
    phase: str
    place: Place
    sha256: str
    count: int


class RecordReader:
    """Collects records event by event, in any order, from both log groups.

    Whatever an event contains, it never raises: a malformed event is a problem that ``damage`` returns.
    Unless records ``may_be_masked`` for this reader, an asterisk is a character like any other.
    """

    def __init__(self, *, may_be_masked: bool = True) -> None:
        self.problems: list[str] = []
        self.foreign_events = 0
        self.masked_records = 0
        self._may_be_masked = may_be_masked
        self._entries: dict[tuple[str, str], Entry] = {}
        self._parts: dict[_PartKey, dict[int, Event]] = {}
        self._joined: set[_PartKey] = set()

    def add_message(self, message: str, place: Place) -> None:
        """Add one event of the record log group, or one line of the function's own log."""
        try:
            event = read_event(message, may_be_masked=self._may_be_masked)
        except MalformedError as error:
            self._report(f"An event among the records is malformed: {error}.")
            return
        if event is None:
            self.foreign_events += 1
        elif "parts" in event.details:
            self._add_part(event, place)
        else:
            self.masked_records += not event.is_readable
            self._add_record(event, place)

    def entries(self, record_filter: RecordFilter | None = None) -> list[Entry]:
        """Return one entry for each matching call, oldest first."""
        latest: dict[str, Entry] = {}
        for (key, _), entry in self._entries.items():
            other = latest.get(key)
            if other is None or PHASES.index(entry.phase) > PHASES.index(other.phase):
                latest[key] = entry
        matches = [
            entry
            for entry in latest.values()
            if record_filter is None or record_filter.matches(entry.record)
        ]
        return sorted(matches, key=lambda entry: entry.record["timestamp"])

    def damage(self) -> list[str]:
        """Return a sentence for everything that is wrong with the records read so far."""
        return [*self.problems, *self._incomplete_records()]

    def _incomplete_records(self) -> Iterator[str]:
        """Yield a sentence for each record without all of its parts, unless there is a copy of it."""
        for key, parts in self._parts.items():
            name = f"Record {_short(key.record_id)} ({key.phase})"
            missing_count = key.count - len(parts)
            if not missing_count or (key.record_id, key.phase) in self._entries:
                continue
            numbers = (number for number in itertools.count(1) if number not in parts)
            shown = [
                str(number)
                for number in itertools.islice(numbers, min(missing_count, _SHOWN_PARTS))
            ]
            rest = missing_count - len(shown)
            more = f" and {rest:,} more" if rest else ""
            yield f"{name}: part {', '.join(shown)}{more} of {key.count:,} is missing."

    def _add_part(self, event: Event, place: Place) -> None:
        details = event.details
        key = _PartKey(
            details["recordId"], details["phase"], place, details["sha256"], details["parts"]
        )
        parts = self._parts.setdefault(key, {})
        number = details["part"]
        if number in parts and parts[number].record["body"] == event.record["body"]:
            return  # a put that was repeated
        name = f"{_short(key.record_id)} ({key.phase})"
        if number in parts:
            self._report(f"Record {name}: part {number} exists twice, and the two differ.")
        if key in self._joined:
            return
        parts[number] = event
        if len(parts) == key.count:
            text = "".join(parts[number].record["body"] for number in sorted(parts))
            try:
                self._join_parts(key, text, event)
            except MalformedError as error:
                self._report(f"Record {name} is malformed: {error}.")

    def _join_parts(self, key: _PartKey, text: str, head: Event) -> None:
        digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
        is_verified = digest == key.sha256
        is_masked = self._may_be_masked and bool(MASK.search(text) or MASK.search(key.sha256))
        if not (is_verified or is_masked):
            self._report(
                f"Record {_short(key.record_id)} ({key.phase}) was altered: its parts do not have the SHA-256 "
                "that they state."
            )
            return
        event = read_joined(text, head, may_be_masked=is_masked)
        self._joined.add(key)
        self.masked_records += not is_verified
        self._add_record(event, key.place)

    def _add_record(self, event: Event, place: Place) -> None:
        """Add a whole record. A repeated put is a second event, and a late put may follow a copy."""
        entry = Entry(event.record, place, event.text, event.is_readable)
        key = (f"{entry.id} {len(self._entries)}" if entry.has_masked_id else entry.id, entry.phase)
        first = self._entries.setdefault(key, entry)
        if first is entry or first.text == entry.text:
            return
        if not (first.is_readable and entry.is_readable):
            self._entries[key] = entry if entry.is_readable else first
            return
        try:
            one, other = (as_text(one.record, sort_keys=True) for one in (first, entry))
        except MalformedError:
            one, other = first.text, entry.text
        if one == other:
            return
        if self._may_be_masked and differ_by_masks_alone(one, other):
            self._entries[key] = min(first, entry, key=lambda entry: entry.text.count("*"))
        else:
            self._report(
                f"Record {_short(entry.id)} ({entry.phase}) exists twice, and the two differ."
            )

    def _report(self, sentence: str) -> None:
        self.problems.append(visible(sentence))


def _short(record_id: str) -> str:
    """Return a record id as it can stand in a sentence, whatever it is."""
    return visible(record_id[:80])


def log_groups(environment: Environment, tenant: str) -> tuple[str, str]:
    """Return the names of the record log group and of the function's own log group."""
    return environment.record_log_group(tenant), f"/aws/lambda/{environment.base_name(tenant)}"


def show_places(environment: Environment, accounts: Iterable[CustomerAccount]) -> None:
    """Print on stderr what ``read_records`` reads, and what it does not."""
    for account in accounts:
        groups = " and ".join(log_groups(environment, account.tenant))
        progress(f"Reading the log groups {groups} of account {account.account_id}")
    progress(
        "Outside Lambda, start marks and spilled records wait in a spool until they are put there"
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
    masking = environment.stanzas[account.tenant].get("masking")
    reader = RecordReader(may_be_masked=bool(masking) and not unmask)
    client = target.client(target.reader(account, unmask=unmask), "logs")
    # A record is put after its call began, so no event before ``since`` belongs to a later call.
    parameters: dict[str, Any] = (
        {"startTime": max(0, int(since.timestamp() * 1000))} if since else {}
    )
    if unmask:
        parameters["unmask"] = True
    record_log_group, function_log_group = log_groups(environment, account.tenant)
    for message in _messages(client, logGroupName=record_log_group, **parameters):
        reader.add_message(message, "delivered")
    if reader.foreign_events:  # the log group is the customer's, and others there may write to it
        warn(f"{reader.foreign_events} events in the log group are not records and are ignored.")
    # Spilled records and start marks are lines of the function's own log.
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


def parse_time(text: str) -> datetime:
    """Return a time such as 2026-11-23T14:00, in UTC unless it says otherwise, or 30m, 12h or 7d ago."""
    try:
        if age := re.fullmatch(r"(\d+)([mhd])", text):
            return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        time = datetime.fromisoformat(text)
    except (OverflowError, ValueError):
        raise CommandError(
            f'"{text}" is not a valid time; write one such as 2026-11-23T14:00, or 30m, 12h or 7d to count back.'
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
