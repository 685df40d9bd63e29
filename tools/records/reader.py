"""Reads a tenant's records as the reader role: joins parts, drops copies and reports damage."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from tools.cli.console import progress, visible, warn
from tools.command_error import CommandError
from tools.records.event import (
    MASK,
    PHASES,
    UNKNOWN_ID,
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

    import boto3

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount, Environment
    from tools.records.event import Record

Place = Literal["delivered", "spilled"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_COMBINATIONS = 1_024  # of true and forged parts that are tried
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
    """What the parts of one record have in common; masks may cover a part of the id or digest."""

    record_id: str
    phase: str
    place: Place
    sha256: str
    count: int

    def is_same(self, other: _PartKey) -> bool:
        """Return whether both are of one record, apart from masks."""
        return (
            (self.phase, self.place, self.count) == (other.phase, other.place, other.count)
            and differ_by_masks_alone(self.record_id, other.record_id)
            and differ_by_masks_alone(self.sha256, other.sha256)
        )

    @property
    def is_masked(self) -> bool:
        """Whether masks may cover a part of the id or the digest."""
        return MASK.search(self.record_id + self.sha256) is not None


@dataclass
class _Parts:
    """The parts of one record: by number, every body that an event states for it."""

    key: _PartKey
    bodies: dict[int, list[Event]] = field(default_factory=dict)
    is_joined: bool = False

    @property
    def name(self) -> str:
        return f"{_short(self.key.record_id)} ({self.key.phase})"

    def add(self, event: Event, *, may_be_masked: bool) -> None:
        """Add a part; of two bodies that differ by masks alone, the one with fewer masks remains."""
        bodies = self.bodies.setdefault(event.details["part"], [])
        body = event.record["body"]
        for index, other in enumerate(bodies):
            other_body = other.record["body"]
            if body == other_body:
                return  # a put that was repeated
            if may_be_masked and differ_by_masks_alone(body, other_body):
                bodies[index] = min(other, event, key=lambda part: part.record["body"].count("*"))
                return
        bodies.append(event)

    def first_text(self) -> str:
        """Return the bodies joined, of each part the one that was read first."""
        return "".join(self.bodies[number][0].record["body"] for number in sorted(self.bodies))

    def verified_text(self) -> str | None:
        """Return the joined bodies that have the SHA-256 which the parts state; None if none have it."""
        combinations = itertools.product(*(self.bodies[number] for number in sorted(self.bodies)))
        for parts in itertools.islice(combinations, _COMBINATIONS):
            text = "".join(part.record["body"] for part in parts)
            digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
            if digest == self.key.sha256:
                return text
        return None


class RecordReader:
    """Collects records event by event, in any order, from both log groups.

    Whatever an event contains, it never raises: a malformed event is a problem that ``damage`` returns.
    Unless records ``may_be_masked`` for this reader, an asterisk is a character like any other.
    """

    def __init__(self, *, may_be_masked: bool = True) -> None:
        self.foreign_events = 0
        self._may_be_masked = may_be_masked
        self._problems: list[str] = []
        self._masked_records = 0
        self._unknown_events = 0
        self._entries: dict[tuple[str, str], Entry] = {}
        self._parts: dict[_PartKey, _Parts] = {}

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
            self._masked_records += not event.is_readable
            self._unknown_events += event.details["recordId"] == UNKNOWN_ID
            self._add_record(event, place)

    def entries(self, record_filter: RecordFilter | None = None) -> list[Entry]:
        """Return one entry for each matching call, oldest first."""
        self._join_parts()
        latest: dict[str, Entry] = {}
        unmasked_ids = self._unmasked_ids()
        for (key, _), entry in self._entries.items():
            call = unmasked_ids.get(key, key)
            other = latest.get(call)
            if other is None or PHASES.index(entry.phase) > PHASES.index(other.phase):
                latest[call] = entry
        matches = [
            entry
            for entry in latest.values()
            if record_filter is None or record_filter.matches(entry.record)
        ]
        return sorted(matches, key=lambda entry: entry.record["timestamp"])

    def damage(self) -> list[str]:
        """Return a sentence for everything that is wrong with the records read so far."""
        self._join_parts()
        return [*self._problems, *map(visible, self._damaged_parts())]

    @property
    def masked_records(self) -> int:
        """How many records cannot be read or checked because of their masks."""
        self._join_parts()
        return self._masked_records

    def _add_part(self, event: Event, place: Place) -> None:
        details = event.details
        key = _PartKey(
            details["recordId"], details["phase"], place, details["sha256"], details["parts"]
        )
        parts = self._parts.get(key) or self._similar_parts(key) or _Parts(key)
        if parts.key.is_masked and not key.is_masked:
            parts.key = key
        self._parts[key] = parts
        parts.add(event, may_be_masked=self._may_be_masked)

    def _similar_parts(self, key: _PartKey) -> _Parts | None:
        """Return the parts of the same record whose id or digest is masked, or is not, unlike this one's."""
        if not self._may_be_masked:
            return None
        similar = {
            id(parts): parts
            for other, parts in self._parts.items()
            if (key.is_masked or other.is_masked) and key.is_same(other)
        }
        return next(iter(similar.values())) if len(similar) == 1 else None

    def _distinct_parts(self) -> list[_Parts]:
        return list({id(parts): parts for parts in self._parts.values()}.values())

    def _join_parts(self) -> None:
        """Add every record of which all parts have been read and none was altered."""
        for parts in self._distinct_parts():
            if parts.is_joined or len(parts.bodies) < parts.key.count:
                continue
            text = parts.verified_text()
            is_masked = text is None
            if text is None:
                text = parts.first_text()
                if not (self._may_be_masked and (parts.key.is_masked or MASK.search(text))):
                    continue
            parts.is_joined = True
            try:
                timestamp = parts.bodies[1][0].record.get("timestamp", "")
                event = read_joined(
                    text, parts.key.record_id, parts.key.phase, timestamp, is_masked=is_masked
                )
            except MalformedError as error:
                self._report(f"Record {parts.name} is malformed: {error}.")
                continue
            self._masked_records += is_masked
            self._add_record(event, parts.key.place)

    def _damaged_parts(self) -> Iterator[str]:
        """Yield a sentence for each part that is missing or was altered."""
        unmasked_ids = self._unmasked_ids()
        records = {(unmasked_ids.get(key, key), phase) for key, phase in self._entries}
        for parts in self._distinct_parts():
            name, key = f"Record {parts.name}", parts.key
            for number, bodies in sorted(parts.bodies.items()):
                if len(bodies) > 1:
                    yield f"{name}: part {number} exists twice, and the two differ."
            missing_count = key.count - len(parts.bodies)
            if not missing_count:
                if not parts.is_joined:
                    yield f"{name} was altered: its parts do not have the SHA-256 that they state."
                continue
            record_id = unmasked_ids.get(key.record_id, key.record_id)
            # There may be a copy, or the part may be one of the events whose id is masked.
            if (record_id, key.phase) in records or missing_count <= self._unknown_events:
                continue
            numbers = (number for number in itertools.count(1) if number not in parts.bodies)
            shown = itertools.islice(numbers, min(missing_count, _SHOWN_PARTS))
            rest = missing_count - _SHOWN_PARTS
            more = f" and {rest:,} more" if rest > 0 else ""
            yield f"{name}: part {', '.join(map(str, shown))}{more} of {key.count:,} is missing."

    def _unmasked_ids(self) -> dict[str, str]:
        """Return, for each id of which a part is masked, the only unmasked one that it can be."""
        ids = {key for key, _ in self._entries} | {key.record_id for key in self._parts}
        masked_ids = {key for key in ids if self._may_be_masked and MASK.search(key)}
        candidates = {
            masked_id: [key for key in ids - masked_ids if differ_by_masks_alone(key, masked_id)]
            for masked_id in masked_ids
        }
        return {masked_id: keys[0] for masked_id, keys in candidates.items() if len(keys) == 1}

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
            texts = [as_text(copy.record, sort_keys=True) for copy in (first, entry)]
        except MalformedError:
            texts = [first.text, entry.text]
        if texts[0] == texts[1]:
            return
        if self._may_be_masked and differ_by_masks_alone(*texts):
            self._entries[key] = min(first, entry, key=lambda copy: copy.text.count("*"))
        else:
            self._report(
                f"Record {_short(entry.id)} ({entry.phase}) exists twice, and the two differ."
            )

    def _report(self, sentence: str) -> None:
        self._problems.append(visible(sentence))


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
    caller: boto3.Session | None = None,
) -> RecordReader:
    """Read both log groups of an account as the reader role; CommandError when access is refused.

    With ``unmask`` it reads as the unmasker role, which sees what a data protection policy masks. A ``caller`` reads
    with its own permissions in place of both roles.
    """
    environment = target.environment
    masking = environment.stanzas[account.tenant].get("masking")
    reader = RecordReader(may_be_masked=bool(masking) and not unmask)
    client = target.client(caller or target.reader(account, unmask=unmask), "logs", account.region)
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


def refuse_an_empty_window(since: datetime | None, until: datetime | None) -> None:
    """Raise CommandError if no record can lie between the times of SINCE= and UNTIL=."""
    now = datetime.now(UTC)
    if since is not None and since >= min(until or now, now):
        raise CommandError("SINCE= must be before UNTIL= and before now.")


def parse_time(text: str) -> datetime:
    """Return a time such as 2026-11-23T14:00, in UTC unless it says otherwise, or 30m, 12h or 7d ago."""
    try:
        if age := re.fullmatch(r"(\d+)([mhd])", text):
            return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        raise CommandError(
            f'"{text}" is not a valid time; write one such as 2026-11-23T14:00, or 30m, 12h or 7d to count back.'
        ) from None
