"""The text of a record, whole or split into numbered parts that can be joined and verified."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenant_bedrock import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenant_bedrock.model_call import Phase

_ENVELOPE_BYTES = 1_000  # upper bound for the members of a part other than its body
_WINDOW_BYTES = 2_000  # how far before its limit a part may end
# Where a part ends, best first: after a line or a JSON string, after a space. A value that a data
# protection policy looks for would be found in neither part if it were divided.
_BOUNDARIES = (re.compile(rb"\xe2\x90\x8a|\"[,:\]}]"), re.compile(rb"\s"))


@dataclass(frozen=True)
class RecordText:
    """A record or start mark as its JSON text, written once, and the members that name it.

    ``text`` is valid JSON, can be encoded as UTF-8, and is encoded as ``json_text`` describes.
    """

    record_id: str
    phase: Phase
    timestamp: str
    text: str = field(repr=False)


def split(record: RecordText, limit: int) -> list[str]:
    """The record's text as one message if it fits into ``limit`` bytes, otherwise as numbered parts.

    A part is ``{"schemaType", "schemaVersion", "timestamp", "tenantBedrock": {recordId, phase,
    part, parts, sha256}, "body"}``. The joined bodies of parts 1 to ``parts`` are the record's
    text; ``sha256`` is the digest of its UTF-8.
    """
    data = record.text.encode()
    if len(data) <= limit:
        return [record.text]
    # The body is JSON inside JSON, where a quotation mark takes two bytes.
    bodies = list(_chunks(data, (limit - _ENVELOPE_BYTES) // 2))
    part = {
        "recordId": record.record_id,
        "phase": record.phase,
        "parts": len(bodies),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    head = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": record.timestamp,
    }
    return [
        json_text.dumps({**head, "tenantBedrock": {**part, "part": number}, "body": body})
        for number, body in enumerate(bodies, 1)
    ]


def _chunks(data: bytes, size: int) -> Iterator[str]:
    """Yield ``data`` as text of at most ``size`` bytes each, without splitting a character."""
    start = 0
    while start < len(data):
        end = start + size
        if end < len(data):
            end = _boundary(data, max(start, end - _WINDOW_BYTES), end)
        yield data[start:end].decode()
        start = end


def _boundary(data: bytes, start: int, end: int) -> int:
    """The position after ``start``, and at most ``end``, at which a part ends best."""
    window = data[start:end]
    for boundary in _BOUNDARIES:
        if matches := list(boundary.finditer(window)):
            return start + matches[-1].end()
    while data[end] & 0xC0 == 0x80:  # a UTF-8 continuation byte
        end -= 1
    return end
