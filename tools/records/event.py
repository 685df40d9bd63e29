"""One event of a log group, read as a record: masks are repaired, and its structure is checked.

The structure is checked here and not with the package's JSON Schema, which states what the writer writes: it
refuses masked records, and records of an older or newer package. ``make logs`` would also need jsonschema,
which only development has. A reader needs the types of the members that it uses, and ignores all others.
"""

from __future__ import annotations

import json
import math
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
# What only a record has, and not a line of the application's that mentions the name.
_RECORD_ID = re.compile(r'"recordId\\?"')
_EXTENSION = 'tenantBedrock":'  # a name inside a string has a backslash before its quote
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
    "output": {"outputBodyJson": (dict, list), "outputTokenCount": int},
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
# JSON readers agree on whole numbers up to this: https://www.rfc-editor.org/rfc/rfc8259#section-6
_LARGEST_NUMBER = 2**53 - 1
_NAMES = {
    str: "a string",
    int: f"a whole number from 0 to {_LARGEST_NUMBER:,}",
    dict: "an object",
    (dict, list): "an object or a list",
}
# The id of an event whose own is masked.
UNKNOWN_ID = "***"


class MalformedError(ValueError):
    """An event claims to be a record and is none; the message is what is wrong with it."""


@dataclass(frozen=True)
class Event:
    """A record, start mark or part, and its JSON text.

    ``is_readable`` is False if masks cover so much that only the id, phase and time could be read: the id
    is ``UNKNOWN_ID``, the phase ``incomplete`` and the time empty if they are masked themselves.
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

    Raises MalformedError for an event that claims to be a record and is none. If ``may_be_masked``, what
    may be wrong because of a mask is no damage: the rest of the event is returned as not readable.
    """
    if "tenantBedrock" not in message:
        return None
    is_masked = may_be_masked and MASK.search(message) is not None
    has_id, has_extension = _RECORD_ID.search(message) is not None, _EXTENSION in message
    try:
        event = _read(message, is_masked=is_masked)
    except MalformedError:
        if not (has_id or has_extension):
            return None
        if not is_masked:
            raise
        return _read_head(message)
    if event is None and is_masked and has_id and has_extension:
        return _read_head(message)  # a line, of which a mask covers the name of the record
    return event


def _read(message: str, *, is_masked: bool) -> Event | None:
    value, text = json_value(message, is_masked=is_masked)
    if isinstance(value, dict) and value.get("message") in _LOG_LINES:
        value, text = value.get("record"), ""
    if not isinstance(value, dict) or "tenantBedrock" not in value:
        return None
    return _checked(value, text or as_text(value), is_masked=is_masked)


def read_joined(text: str, record_id: str, phase: str, timestamp: str, *, is_masked: bool) -> Event:
    """Return the record whose text was in several parts, which state its id, phase and time.

    Raises MalformedError if it is no record, or not the one that its parts name.
    """
    try:
        value, text = json_value(text, is_masked=is_masked)
        event = _checked(value, text, is_masked=is_masked)
    except MalformedError:
        if not is_masked:
            raise
        return _head_alone(record_id, phase, timestamp)
    for name, stated in (("recordId", record_id), ("phase", phase)):
        joined = event.details[name]
        if joined != stated and not (is_masked and differ_by_masks_alone(joined, stated)):
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


def _checked(value: object, text: str, *, is_masked: bool) -> Event:
    """Return the event of a value and its text; raises MalformedError if its structure is wrong."""
    record = _check(value, is_masked=is_masked)
    # The text of a whole record is decoded here; that of a part is, once it has been joined.
    if "parts" not in record["tenantBedrock"] and (plain := record_text.decode(text)) != text:
        # A name that was decoded may be that of another member, so the structure is checked again.
        value, text = json_value(plain, is_masked=is_masked)
        record = _check(value, is_masked=is_masked)
    has_lines = "\n" in text or "\r" in text
    return Event(record, as_text(record) if has_lines else text)


def json_value(text: str, *, is_masked: bool) -> tuple[object, str]:
    """Return the value of JSON text, and the text as it had to be repaired to be JSON."""
    for candidate in (text, _repair(text)) if is_masked else (text,):
        try:
            return json.loads(candidate, parse_constant=_refuse, parse_float=_finite), candidate
        except RecursionError:
            raise MalformedError("it is nested too deeply") from None
        except ValueError:
            continue
    raise MalformedError("it is not JSON")


def _refuse(number: str) -> float:
    raise ValueError(f"{number} is not a number of JSON")


def _finite(number: str) -> float:
    """Return a number; raises ValueError for one such as 1e999, which would be written as Infinity."""
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


def _repair(text: str) -> str:
    """Return JSON text whose masks begin inside an escape, or cover a number, as valid JSON."""
    text = _ESCAPE_OR_REST_OF_ONE.sub(lambda match: match[1] or "*" * len(match[0]), text)
    return record_text.quote_masked_numbers(text)


def _read_head(message: str) -> Event:
    """Return the id, phase and time that masks have left of an event."""
    # The extension comes after the bodies, in which a tool's input may have members of the same names.
    before, _, extension = message.rpartition(
        _EXTENSION if _EXTENSION in message else "tenantBedrock"
    )
    # A line has a time of its own, before the record; a record begins with its schema.
    record = before.partition("schema")[2] or before
    timestamp = _string("timestamp", record.partition('"input":')[0])
    phase = _string("phase", extension)
    return _head_alone(
        _string("recordId", extension) or UNKNOWN_ID,
        phase if phase in PHASES else "incomplete",
        timestamp if _is_time(timestamp) else "",
    )


def _string(name: str, text: str) -> str:
    """Return the first string of this name in the text of JSON; empty if there is none."""
    match = re.search(rf'"{name}": ?"([^"\\]+)"', text)
    return match[1] if match else ""


def _head_alone(record_id: str, phase: str, timestamp: str) -> Event:
    record = {
        "timestamp": timestamp,
        "tenantBedrock": {"recordId": record_id, "phase": phase},
    }
    return Event(record, as_text(record), is_readable=False)


def _check(value: object, *, is_masked: bool) -> Record:
    """Return the record that a value is; raises MalformedError unless the members that readers use have their types."""
    if not isinstance(value, dict):
        raise MalformedError("it is not an object")
    record: Record = value
    if "tenantBedrock" not in record:
        raise MalformedError("tenantBedrock is missing")
    _check_structure(record, _STRUCTURE, "", is_masked=is_masked)
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
    timestamp = record.get("timestamp", "")
    if not (_is_time(timestamp) or (is_masked and MASK.search(timestamp))):
        raise MalformedError("timestamp is not a time in UTC")
    return record


def _is_time(timestamp: str) -> bool:
    try:
        return time_of({"timestamp": timestamp}) is not None
    except ValueError:  # such as the 31st of February
        return False


def _check_structure(value: Any, structure: Any, path: str, *, is_masked: bool) -> None:  # noqa: ANN401 - JSON
    if isinstance(structure, dict):
        _check_type(value, dict, path)
        for name, expected in structure.items():
            if name in value:
                where = f"{path}.{name}" if path else name
                _check_structure(value[name], expected, where, is_masked=is_masked)
    elif isinstance(structure, list):
        if not isinstance(value, list):
            raise MalformedError(f"{path} is not a list")
        for number, item in enumerate(value, 1):
            _check_structure(item, structure[0], f"item {number} of {path}", is_masked=is_masked)
    elif not (is_masked and isinstance(value, str) and MASK.search(value)):
        _check_type(value, structure, path)


def _check_type(value: object, expected: type | tuple[type, ...], path: str) -> None:
    is_valid = isinstance(value, expected) and not isinstance(value, bool)
    if not is_valid or (isinstance(value, int) and not 0 <= value <= _LARGEST_NUMBER):
        raise MalformedError(f"{path or 'it'} is not {_NAMES[expected]}")
