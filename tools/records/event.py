"""One event of a log group, read as a record: masks are repaired, and its structure is checked.

The structure is checked here and not with the package's JSON Schema, which states what the writer writes: it
refuses masked records, and records of an older or newer package. ``make logs`` would also need jsonschema,
which only development has. A reader needs the types of the members that it uses, and ignores all others.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tools.records import record_text

Record = dict[str, Any]

# The latest of these phases is the one to show: a start mark comes before the call's end, and a call
# that was recorded as incomplete may still be answered.
PHASES = ("start", "incomplete", "error", "end")
_LOG_LINES = ("record.start", "record.spilled")

# CloudWatch shows an asterisk for each character that a data protection policy masks. The shortest data
# that a managed identifier masks has three characters (a card's security code):
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-managed-data-identifiers.html
MASK = re.compile(r"\*{3,}")
# A mask can begin inside an escape of JSON: of "\nann@example.com" it leaves "\****…".
_ESCAPE_OR_REST_OF_ONE = re.compile(
    r'(\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))|\\(?:u[0-9a-fA-F]{0,3})?(?=\*)'
)
# Possessive, and a string may lack its end, so that the time is linear in the length of any text.
_LEXEME = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+"?)|[^\s",:\[\]{}]++', re.DOTALL)
_RECORD_ID = re.compile(r'"recordId\\?"')
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)

# The members that readers use, by type. Every other member may be anything.
_STRUCTURE = {
    "timestamp": str,
    "modelId": str,
    "region": str,
    "operation": str,
    "errorCode": str,
    "body": str,
    "input": {
        "inputBodyJson": dict,
        "inputTokenCount": int,
        "cacheReadInputTokenCount": int,
        "cacheWriteInputTokenCount": int,
    },
    "output": {"outputBodyJson": dict, "outputTokenCount": int},
    "tenantBedrock": {
        "recordId": str,
        "phase": str,
        "alias": str,
        "invocationId": str,
        "part": int,
        "parts": int,
        "sha256": str,
        "attempts": [{"status": int, "errorCode": str}],
        "request": {"bytes": int},
        "error": {"type": str},
    },
}
_NAMES = {str: "a string", int: "a number of at least 0", dict: "an object"}


class MalformedError(ValueError):
    """An event claims to be a record and is none; the message is what is wrong with it."""


@dataclass(frozen=True)
class Event:
    """A record, start mark or part, and its JSON text.

    ``is_readable`` is False if masks cover so much that only the id, phase and time could be read.
    """

    record: Record
    text: str
    is_readable: bool = True

    @property
    def details(self) -> Record:
        """The object ``tenantBedrock``."""
        details: Record = self.record["tenantBedrock"]
        return details


def read_event(message: str, *, may_be_masked: bool) -> Event | None:
    """Return the record, start mark or part in an event; None for an event of something else.

    Raises MalformedError for an event that claims to be a record and is none. A record whose JSON is
    broken by masks alone is read, if ``may_be_masked``.
    """
    if "tenantBedrock" not in message:
        return None
    try:
        value, text = _parse(message, may_be_masked=may_be_masked)
    except MalformedError:
        if not _RECORD_ID.search(message):  # a line of the application's that mentions the name
            return None
        if not (may_be_masked and MASK.search(message)):
            raise
        return _read_head(message)
    if isinstance(value, dict) and value.get("message") in _LOG_LINES:
        value, text = value.get("record"), ""
        if isinstance(value, str):  # a line that holds the record as text
            value, text = _parse(value, may_be_masked=may_be_masked)
    if not isinstance(value, dict) or "tenantBedrock" not in value:
        return None
    return _checked(value, text or as_text(value), may_be_masked=may_be_masked)


def read_joined(text: str, head: Event, *, may_be_masked: bool) -> Event:
    """Return the record whose text was in several parts, of which ``head`` is one.

    Raises MalformedError if it is no record, or not the one that its parts name.
    """
    try:
        value, text = _parse(text, may_be_masked=may_be_masked)
    except MalformedError:
        if not (may_be_masked and MASK.search(text)):
            raise
        details = head.details
        return _head_alone(details["recordId"], details["phase"], head.record["timestamp"])
    if not isinstance(value, dict):
        raise MalformedError("it is not an object")
    event = _checked(value, text, may_be_masked=may_be_masked)
    for name in ("recordId", "phase"):
        joined, stated = event.details[name], head.details[name]
        if joined != stated and not (may_be_masked and differ_by_masks_alone(joined, stated)):
            raise MalformedError(f"its parts state another {name}")
    if "parts" in event.details:
        raise MalformedError("it is a part itself")
    return event


def as_text(value: object, *, sort_keys: bool = False) -> str:
    """Return a value as JSON on one line; raises MalformedError if it is nested too deeply."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
    except RecursionError:
        raise MalformedError("it is nested too deeply") from None


def differ_by_masks_alone(one: str, other: str) -> bool:
    """Return whether two texts are of equal length and differ only where one of them is masked."""
    if len(one) != len(other):
        return False
    masks = sorted(mask.span() for text in (one, other) for mask in MASK.finditer(text))
    position = 0
    for start, end in masks:
        if one[position:start] != other[position:start]:
            return False
        position = max(position, end)
    return one[position:] == other[position:]


def member(value: object, *path: str) -> Any:  # noqa: ANN401 - a member of JSON
    """Return the member at ``path`` of JSON that may have any structure; None if there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def time_of(record: Record) -> datetime | None:
    """Return when a call began; None if the timestamp is not of the record's form, because it is masked."""
    timestamp = record.get("timestamp", "")
    return datetime.fromisoformat(timestamp) if _TIMESTAMP.fullmatch(timestamp) else None


def _checked(value: Record, text: str, *, may_be_masked: bool) -> Event:
    """Return the event of a value and its text; raises MalformedError if its structure is wrong."""
    _check(value, may_be_masked=may_be_masked)
    is_part = "parts" in value["tenantBedrock"]
    # The text of a whole record is decoded here; that of a part is, once it has been joined.
    plain = text if is_part else record_text.decode(text)
    if plain != text:
        return _event_of(*_parse(plain, may_be_masked=may_be_masked))
    return _event_of(value, text)


def _event_of(value: Any, text: str) -> Event:  # noqa: ANN401 - a record whose structure is checked
    has_lines = "\n" in text or "\r" in text
    return Event(value, as_text(value) if has_lines else text)


def _parse(text: str, *, may_be_masked: bool) -> tuple[object, str]:
    """Return the value of JSON text, and the text as it had to be repaired to be JSON."""
    for candidate in (text, _repair(text)) if may_be_masked and "*" in text else (text,):
        try:
            return json.loads(candidate), candidate
        except RecursionError:
            raise MalformedError("it is nested too deeply") from None
        except ValueError:
            continue
    raise MalformedError("it is not JSON")


def _repair(text: str) -> str:
    """Return JSON text whose masks begin inside an escape, or cover a number, as valid JSON."""
    text = _ESCAPE_OR_REST_OF_ONE.sub(lambda match: match[1] or "*" * len(match[0]), text)
    return _LEXEME.sub(
        lambda match: f'"{match[0]}"' if not match[1] and "*" in match[0] else match[0], text
    )


def _read_head(message: str) -> Event:
    """Return what is left of a record that is no JSON any more; names inside strings are escaped."""
    members = [
        re.search(rf'"{name}": ?"([^"\\]+)"', message)
        for name in ("recordId", "phase", "timestamp")
    ]
    record_id, phase, timestamp = (match[1] if match else "" for match in members)
    if not record_id or phase not in PHASES:
        raise MalformedError("it is masked so that it is not JSON; read it with UNMASK=1")
    return _head_alone(record_id, phase, timestamp)


def _head_alone(record_id: str, phase: str, timestamp: str) -> Event:
    record = {
        "timestamp": timestamp,
        "tenantBedrock": {"recordId": record_id, "phase": phase},
    }
    return Event(record, as_text(record), is_readable=False)


def _check(record: Record, *, may_be_masked: bool) -> None:
    """Raise MalformedError unless the members that readers use have their types."""
    if "tenantBedrock" not in record:
        raise MalformedError("tenantBedrock is missing")
    _check_structure(record, _STRUCTURE, "", may_be_masked=may_be_masked)
    details = record["tenantBedrock"]
    required = ["recordId", "phase"]
    if "parts" in details or "part" in details:
        required += ["part", "parts", "sha256"]
        if "body" not in record:
            raise MalformedError("body is missing")
    for name in required:
        if name not in details or details[name] == "":
            raise MalformedError(f"tenantBedrock.{name} is missing")
    if details["phase"] not in PHASES:
        raise MalformedError(f"tenantBedrock.phase is none of {', '.join(PHASES)}")
    if "parts" in details and not (
        isinstance(details["part"], int)
        and isinstance(details["parts"], int)
        and 1 <= details["part"] <= details["parts"]
    ):
        raise MalformedError("it is a part whose number is not from 1 to the number of parts")
    _check_timestamp(record.get("timestamp", ""), may_be_masked=may_be_masked)


def _check_timestamp(timestamp: str, *, may_be_masked: bool) -> None:
    if may_be_masked and MASK.search(timestamp):
        return
    try:
        if time_of({"timestamp": timestamp}) is not None:
            return
    except ValueError:  # such as the 31st of February
        pass
    raise MalformedError("timestamp is not a time in UTC")


def _check_structure(value: Any, structure: Any, path: str, *, may_be_masked: bool) -> None:  # noqa: ANN401 - JSON
    if isinstance(structure, dict):
        _check_type(value, dict, path)
        for name, expected in structure.items():
            if name in value:
                where = f"{path}.{name}" if path else name
                _check_structure(value[name], expected, where, may_be_masked=may_be_masked)
    elif isinstance(structure, list):
        if not isinstance(value, list):
            raise MalformedError(f"{path} is not a list")
        for item in value:
            _check_structure(item, structure[0], path, may_be_masked=may_be_masked)
    elif not (may_be_masked and isinstance(value, str) and MASK.search(value)):
        _check_type(value, structure, path)


def _check_type(value: object, expected: type, path: str) -> None:
    is_valid = isinstance(value, expected) and not isinstance(value, bool)
    if not is_valid or (isinstance(value, int) and value < 0):
        raise MalformedError(f"{path or 'it'} is not {_NAMES[expected]}")
