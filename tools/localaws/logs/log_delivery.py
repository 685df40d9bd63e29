"""Log delivery by an AWS service with a role's keys: Lambda's platform log, Bedrock's invocation log.

A delivery is an ordinary signed call to the local AWS, so the role's permissions, the group's KMS
key and the limits of PutLogEvents apply. A refused delivery is lost, as on AWS.
"""

from __future__ import annotations

import http.client
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from tools.localaws.logs.limits import BATCH_BYTES, BATCH_EVENTS, EVENT_OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.localaws.call import Call
    from tools.localaws.sts.sessions import Credentials

# Marks a delivery, so that scripted faults affect only calls of the product.
_DELIVERY_HEADER = "x-local-aws-delivery"

# Lambda splits a line that a function prints at 256 KB:
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-troubleshooting.html.
MESSAGE_BYTES = 262_144 - EVENT_OVERHEAD


def is_delivery(call: Call) -> bool:
    """Whether an AWS service made this call to deliver its own logs."""
    return _DELIVERY_HEADER in call.headers


@dataclass(frozen=True)
class LogEvent:
    """One log event; ``timestamp`` is in milliseconds since 1970."""

    timestamp: int
    message: str = field(repr=False)


@dataclass(frozen=True)
class LogStream:
    """The log stream that receives a delivery."""

    region: str
    group: str
    name: str


class LogDelivery:
    """Writes log events with a role's keys; ``url`` is that of the local AWS."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._url = url

    def create_stream(self, stream: LogStream, keys: Credentials) -> bool:
        """Create the stream; False when the role may not do so, or the group does not exist."""
        body = {"logGroupName": stream.group, "logStreamName": stream.name}
        status, error = self._call("CreateLogStream", body, stream.region, keys)
        return status == 200 or error == "ResourceAlreadyExistsException"

    def put(self, stream: LogStream, keys: Credentials, events: Iterable[LogEvent]) -> bool:
        """Write the events, oldest first; False when any batch of them was refused."""
        ordered = sorted(events, key=lambda event: event.timestamp)
        results = [
            self._call(
                "PutLogEvents",
                {
                    "logEvents": [
                        {"message": event.message, "timestamp": event.timestamp} for event in batch
                    ],
                    "logGroupName": stream.group,
                    "logStreamName": stream.name,
                },
                stream.region,
                keys,
            )
            for batch in _batches(ordered)
        ]
        return all(status == 200 for status, _ in results)

    def _call(
        self, operation: str, body: Mapping[str, Any], region: str, keys: Credentials
    ) -> tuple[int, str]:
        request = AWSRequest(
            method="POST",
            url=f"{self._url}/",
            data=json.dumps(body, ensure_ascii=False).encode(),
            headers={
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"Logs_20140328.{operation}",
                _DELIVERY_HEADER: "true",
            },
        )
        credentials = BotocoreCredentials(
            keys.access_key_id, keys.secret_access_key, keys.session_token
        )
        SigV4Auth(credentials, "logs", region).add_auth(request)
        connection = http.client.HTTPConnection(self._address)
        try:
            connection.request("POST", "/", request.data, dict(request.headers.items()))
            response = connection.getresponse()
            return response.status, _error_code(response.read())
        except OSError:
            return 0, ""  # the local AWS is stopping
        finally:
            connection.close()


def _error_code(body: bytes) -> str:
    parsed = json.loads(body) if body else {}
    return str(parsed.get("__type", ""))


def _batches(events: Iterable[LogEvent]) -> Iterator[list[LogEvent]]:
    batch: list[LogEvent] = []
    size = 0
    for event in itertools.chain.from_iterable(map(_pieces, events)):
        event_size = len(event.message.encode()) + EVENT_OVERHEAD
        if batch and (size + event_size > BATCH_BYTES or len(batch) == BATCH_EVENTS):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event_size
    if batch:
        yield batch


def _pieces(event: LogEvent) -> Iterator[LogEvent]:
    """The event, split at the maximum length of a message; an empty event is dropped."""
    encoded = event.message.encode()
    for start in range(0, len(encoded), MESSAGE_BYTES):
        piece = encoded[start : start + MESSAGE_BYTES].decode(errors="ignore")
        yield LogEvent(event.timestamp, piece)
