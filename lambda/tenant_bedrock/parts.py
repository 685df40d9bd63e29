"""A record as JSON text, whole or split into numbered parts that can be joined and verified."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

from tenant_bedrock.content import json_default

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENVELOPE_BYTES = 1_000  # upper bound for the members of a part other than its body


def as_json(record: dict[str, Any]) -> str:
    """The record as valid JSON that can be encoded as UTF-8.

    An unpaired surrogate, which CloudWatch refuses, becomes ``?``. NaN and the infinities, which
    JSON does not have, become strings.
    """
    try:
        text = _dump(record)
    except ValueError:
        text = _dump(_with_finite_numbers(record))
    return text.encode("utf-8", "replace").decode()


def split(record: dict[str, Any], limit: int) -> list[str]:
    """The record's JSON as one message if it fits into ``limit`` bytes, otherwise as numbered parts.

    A part is ``{"schemaType", "schemaVersion", "timestamp", "tenantBedrock": {recordId, phase,
    part, parts, sha256}, "body"}``. The joined bodies of parts 1 to ``parts`` are the record's
    JSON; ``sha256`` is the digest of its UTF-8.
    """
    text = as_json(record)
    data = text.encode()
    if len(data) <= limit:
        return [text]
    # The body is JSON inside JSON, where a quotation mark takes two bytes.
    bodies = list(_chunks(data, (limit - _ENVELOPE_BYTES) // 2))
    origin = record["tenantBedrock"]
    part = {
        "recordId": origin["recordId"],
        "phase": origin["phase"],
        "parts": len(bodies),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    head = {name: record[name] for name in ("schemaType", "schemaVersion", "timestamp")}
    return [
        as_json({**head, "tenantBedrock": {**part, "part": number}, "body": body})
        for number, body in enumerate(bodies, 1)
    ]


def _dump(record: object) -> str:
    return json.dumps(
        record, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=json_default
    )


def _with_finite_numbers(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with_finite_numbers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_finite_numbers(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _chunks(data: bytes, size: int) -> Iterator[str]:
    """Yield ``data`` as text of at most ``size`` bytes each, without splitting a character."""
    start = 0
    while start < len(data):
        end = min(start + size, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # a UTF-8 continuation byte
            end -= 1
        yield data[start:end].decode()
        start = end
