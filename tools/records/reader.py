"""A tenant's records, read by the only role that may: parts joined, copies dropped, damage said."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from tools.cli.console import CommandError, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cli.workspace import Workspace
    from tools.environment.model import CustomerAccount, Environment

Record = dict[str, Any]
Kept = Literal["delivered", "spilled"]

# Of one call the latest of these is shown: a mark is there before the call has an end, and a call
# recorded as incomplete may be answered after all.
_PHASES = ("start", "incomplete", "error", "end")
_LINES = {"record.start", "record.spilled"}
# CloudWatch shows an asterisk for each character of what a data protection policy hides.
_MASKED = "****"
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Entry:
    """The record of one call, and where it was found."""

    record: Record
    kept: Kept

    @property
    def id(self) -> str:
        """Its record id."""
        return str(self.record["tenantBedrock"]["recordId"])

    @property
    def phase(self) -> str:
        """``start`` when nothing but the mark is there: a named gap."""
        return str(self.record["tenantBedrock"]["phase"])


@dataclass(frozen=True)
class Choice:
    """Which records are wanted; ``error`` is AWS's code, or ``any``."""

    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    error: str | None = None

    def wants(self, record: Record) -> bool:
        """Whether ``record`` is one of them."""
        began = datetime.fromisoformat(record["timestamp"])
        code = record.get("errorCode")
        return (
            (self.since is None or began >= self.since)
            and (self.until is None or began < self.until)
            and self.model in (None, record["tenantBedrock"].get("alias"), record.get("modelId"))
            and (self.error is None or (code is not None and self.error in ("any", code)))
        )


class Book:
    """Records taken in event by event, in any order, from either log group."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.foreign = 0
        self.masked = 0
        self._whole: dict[tuple[str, str], Entry] = {}
        self._parts: dict[tuple[str, str, Kept, str], dict[int, Record]] = {}

    def take(self, message: str, kept: Kept) -> None:
        """Take in one event of the record log group, or one line of the function's own log."""
        record = _record(message)
        if record is None:
            self.foreign += 1
            return
        ours = record["tenantBedrock"]
        if "parts" not in ours:
            self._add(record, kept)
            return
        key = ours["recordId"], ours["phase"], kept, ours["sha256"]
        have = self._parts.setdefault(key, {})
        have[ours["part"]] = record
        if len(have) == ours["parts"]:
            self._join(key, "".join(have[number]["body"] for number in sorted(have)))

    def entries(self, choice: Choice | None = None) -> list[Entry]:
        """One entry for each call that is wanted, oldest first."""
        latest: dict[str, Entry] = {}
        for entry in self._whole.values():
            shown = latest.get(entry.id)
            if shown is None or _PHASES.index(entry.phase) > _PHASES.index(shown.phase):
                latest[entry.id] = entry
        wanted = [e for e in latest.values() if choice is None or choice.wants(e.record)]
        return sorted(wanted, key=lambda entry: entry.record["timestamp"])

    def damage(self) -> list[str]:
        """What is wrong with the records read so far, in sentences; empty when nothing is."""
        missing = []
        for (record_id, phase, _, _), have in self._parts.items():
            count = next(iter(have.values()))["tenantBedrock"]["parts"]
            gone = [str(number) for number in range(1, count + 1) if number not in have]
            if gone and (record_id, phase) not in self._whole:
                missing.append(
                    f"Record {record_id} ({phase}): part {', '.join(gone)} of {count} is missing."
                )
        return [*self.problems, *missing]

    def _join(self, key: tuple[str, str, Kept, str], text: str) -> None:
        record_id, phase, kept, sha256 = key
        if hashlib.sha256(text.encode()).hexdigest() == sha256:
            self._add(json.loads(text), kept)
        elif _MASKED in text:
            self.masked += 1
            self._add(json.loads(text), kept)
        else:
            self.problems.append(
                f"Record {record_id} ({phase}) was altered: its parts do not have the SHA-256 they state."
            )

    def _add(self, record: Record, kept: Kept) -> None:
        """CloudWatch takes a repeated put as a second event, and a late put may follow a copy."""
        entry = Entry(record, kept)
        known = self._whole.setdefault((entry.id, entry.phase), entry)
        if known.record != record:
            self.problems.append(
                f"Record {entry.id} ({entry.phase}) is there twice, and the two differ."
            )


def read(
    workspace: Workspace,
    env: Environment,
    account: CustomerAccount,
    since: datetime | None = None,
    *,
    unmask: bool = False,
) -> Book:
    """Everything in the account's two log groups, as the reader role; CommandError when it may not.

    ``unmask`` reads as the other role, which sees what a data protection policy hides.
    """
    book = Book()
    client = workspace.client(env, workspace.reader(env, account, unmask=unmask), "logs")
    # A record is put after its call began: a call since then has no event before.
    given: dict[str, Any] = {"startTime": int(since.timestamp() * 1000)} if since else {}
    if unmask:
        given["unmask"] = True
    for message in _messages(client, logGroupName=env.records_of(account.tenant), **given):
        book.take(message, "delivered")
    if book.foreign:  # the log is the customer's, who may write to it too
        warn(f"{book.foreign} events in the log group are no records and are left out.")
    # A spilled record, and each start mark, is a line of the function's own log.
    own = f"/aws/lambda/{env.name_of(account.tenant)}"
    pattern = '"tenantBedrock"'
    for message in _messages(client, logGroupName=own, filterPattern=pattern, **given):
        book.take(message, "spilled")
    if book.masked:
        warn(
            f"{book.masked} records in parts are masked for this reader, so their SHA-256 cannot be checked; "
            "add UNMASK=1 if you may see them whole."
        )
    return book


def _messages(client: Any, **given: Any) -> Iterator[str]:  # noqa: ANN401 - boto3's client and its parameters
    try:
        for page in client.get_paginator("filter_log_events").paginate(**given):
            yield from (event["message"] for event in page["events"])
    except client.exceptions.ClientError as error:
        said = error.response["Error"]["Message"]
        raise CommandError(f"{given['logGroupName']} cannot be read: {said}") from None


def _record(message: str) -> Record | None:
    """The record, the mark or the part in an event; None when it holds something else."""
    try:
        line = json.loads(message)
        record: Record = line["record"] if line.get("message") in _LINES else line
        _ = record["tenantBedrock"]["recordId"], record["tenantBedrock"]["phase"]
    except (AttributeError, json.JSONDecodeError, KeyError, TypeError):
        return None
    return record


def moment(text: str) -> datetime:
    """A time such as 2026-11-23T14:00, in UTC unless it says otherwise, or 30m, 12h or 7d ago."""
    ago = re.fullmatch(r"(\d+)([mhd])", text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f'"{text}" is no time; write one such as 2026-11-23T14:00, or 30m, 12h or 7d for so long ago.'
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
