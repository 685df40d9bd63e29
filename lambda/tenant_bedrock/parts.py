"""A record as JSON text, in one piece or in numbered parts that can be joined and checked."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

from tenant_bedrock.content import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABOUT_BYTES = 1_000  # what a part says about itself, generously


def as_json(record: dict[str, Any]) -> str:
    """The record as JSON text that is valid UTF-8 and valid JSON.

    Half a surrogate pair is no character, and CloudWatch would refuse it: it becomes a ``?``. NaN
    and the infinities are no numbers to JSON: they become their names.
    """
    try:
        text = _dump(record)
    except ValueError:
        text = _dump(_with_numbers_only(record))
    return text.encode("utf-8", "replace").decode()


def split(record: dict[str, Any], limit: int) -> list[str]:
    """The record's JSON, as one message if it fits into ``limit`` bytes, else as numbered parts.

    A part is ``{"schemaType", "schemaVersion", "timestamp", "tenantBedrock": {recordId, phase,
    part, parts, sha256}, "body"}``; the bodies of parts 1 to ``parts``, joined, are the JSON text
    whose UTF-8 has the SHA-256.
    """
    text = as_json(record)
    data = text.encode()
    if len(data) <= limit:
        return [text]
    bodies = list(_cut(data, (limit - _ABOUT_BYTES) // 2))  # JSON in JSON: quotes take two bytes
    ours = record["tenantBedrock"]
    about = {
        "recordId": ours["recordId"],
        "phase": ours["phase"],
        "parts": len(bodies),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    head = {name: record[name] for name in ("schemaType", "schemaVersion", "timestamp")}
    return [
        as_json({**head, "tenantBedrock": {**about, "part": number}, "body": body})
        for number, body in enumerate(bodies, 1)
    ]


def _dump(record: object) -> str:
    return json.dumps(
        record, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=plain
    )


def _with_numbers_only(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with_numbers_only(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_numbers_only(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _cut(data: bytes, size: int) -> Iterator[str]:
    """Pieces of at most ``size`` bytes, cut between characters and never inside one."""
    start = 0
    while start < len(data):
        end = min(start + size, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # a byte that continues a character
            end -= 1
        yield data[start:end].decode()
        start = end
