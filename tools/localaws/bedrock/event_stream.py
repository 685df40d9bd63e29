"""The binary encoding of streamed responses, application/vnd.amazon.eventstream.

https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html (the same encoding in
every service) and https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7  # the header type of a UTF-8 string


def event(name: str, members: Mapping[str, object]) -> bytes:
    """One event of a stream whose events are JSON."""
    return _json_message({":event-type": name, ":message-type": "event"}, members)


def exception(name: str, message: str) -> bytes:
    """A modelled exception inside a stream, after which a client stops reading."""
    headers = {":exception-type": name, ":message-type": "exception"}
    return _json_message(headers, {"message": message})


def _json_message(headers: Mapping[str, str], members: Mapping[str, object]) -> bytes:
    return encode(
        {**headers, ":content-type": "application/json"},
        json.dumps(members, ensure_ascii=False).encode(),
    )


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: its lengths and their CRC32, the headers, the payload, and the CRC32 of all these."""
    encoded_headers = b"".join(
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", _STRING, len(value))
        + value
        for name, value in ((name, text.encode()) for name, text in headers.items())
    )
    prelude = struct.pack("!II", 16 + len(encoded_headers) + len(payload), len(encoded_headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded_headers + payload
    return message + struct.pack("!I", zlib.crc32(message))
