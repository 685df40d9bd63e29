"""Brings records to the customer's log group, or to stdout when CloudWatch does not take them."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    import logging

    from mypy_boto3_logs import CloudWatchLogsClient

# One event may fill a whole batch, 1,048,576 bytes of UTF-8 counting 26 for the event itself:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
EVENT_BYTES = 1_048_550
# Lambda cuts a line of the function's log at 256 KB. The runtime puts a few fields around ours and
# spaces after its commas and colons, which make it half as long again at most.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
LINE_BYTES = 160_000
_PART_BYTES = 1_000  # what a part says about itself, generously


class RejectedError(Exception):
    """CloudWatch answered 200 and yet did not keep the record."""


@dataclass(frozen=True)
class Receipt:
    """Where the record of a call of ``alias`` is: its log group, or spilled into the function's.

    ``usage`` holds the tokens as Bedrock counted them, by Bedrock's names.
    """

    id: str
    delivery: Literal["delivered", "spilled"]
    alias: str | None
    usage: dict[str, int]


class Delivery:
    """Writes records to one stream of the record log group, with the customer's own keys."""

    def __init__(
        self, logs: CloudWatchLogsClient, *, group: str, stream: str, log: logging.Logger
    ) -> None:
        self._logs = logs
        self._group = group
        self._stream = stream
        self._log = log

    def deliver(self, record: dict[str, Any]) -> Literal["delivered", "spilled"]:
        """Put the record and read CloudWatch's receipt; on any failure write it to stdout instead.

        Never raises: the answer this record is about is already paid for.
        """
        text = as_json(record)
        try:
            for part in parts(text, record, EVENT_BYTES):
                self._put(part)
        except Exception as error:  # noqa: BLE001 - whatever it was, the record must come out somewhere
            reason = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            self._spill(text, record, reason or type(error).__name__)
            return "spilled"
        return "delivered"

    def _spill(self, text: str, record: dict[str, Any], reason: str) -> None:
        for part in parts(text, record, LINE_BYTES):
            self._log.error("record.spilled", extra={"reason": reason, "record": json.loads(part)})

    def _put(self, message: str) -> None:
        try:
            self._put_once(message)
        except self._logs.exceptions.ResourceNotFoundException:
            # The first record of this process, or someone deleted the stream.
            with suppress(self._logs.exceptions.ResourceAlreadyExistsException):
                self._logs.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
            self._put_once(message)

    def _put_once(self, message: str) -> None:
        receipt = self._logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._stream,
            logEvents=[{"timestamp": int(time.time() * 1000), "message": message}],
        )
        if receipt.get("rejectedLogEventsInfo"):
            raise RejectedError


def as_json(record: dict[str, Any]) -> str:
    """The record as JSON text that is valid UTF-8.

    Half a surrogate pair is no character and CloudWatch would refuse it: it becomes a ``?``.
    """
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "replace").decode()


def parts(text: str, record: dict[str, Any], limit: int) -> list[str]:
    """The record's JSON, as one message if it fits into ``limit`` bytes, else as numbered parts.

    A part is ``{"schemaType", "schemaVersion", "timestamp", "tenantBedrock": {recordId, phase,
    part, parts, sha256}, "body"}``; the bodies of parts 1 to ``parts``, joined, are the JSON text
    that has the SHA-256.
    """
    if len(text.encode()) <= limit:
        return [text]
    step = (limit - _PART_BYTES) // 4  # a character is at most 4 bytes, escaped ASCII at most 2
    bodies = [text[start : start + step] for start in range(0, len(text), step)]
    ours = record["tenantBedrock"]
    about = {
        "recordId": ours["recordId"],
        "phase": ours["phase"],
        "parts": len(bodies),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    head = {name: record[name] for name in ("schemaType", "schemaVersion", "timestamp")}
    return [
        as_json({**head, "tenantBedrock": {**about, "part": number}, "body": body})
        for number, body in enumerate(bodies, 1)
    ]


def _plain(value: object) -> str:
    """Images and redacted reasoning are bytes; on the wire they are base64 too."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
