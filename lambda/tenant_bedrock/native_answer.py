"""The answers of InvokeModel and InvokeModelWithResponseStream, which have the model's own format.

Bedrock counts their tokens outside of that format: in headers of an answer, and in the last chunk of
a stream. No page of AWS lists the names; langchain-aws reads the same ones:
https://github.com/langchain-ai/langchain-aws/blob/main/libs/aws/langchain_aws/llms/bedrock.py
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tenant_bedrock import json_text
from tenant_bedrock.model_call import is_count

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = {
    "inputTokens": "x-amzn-bedrock-input-token-count",
    "outputTokens": "x-amzn-bedrock-output-token-count",
    "cacheReadInputTokens": "x-amzn-bedrock-cache-read-input-token-count",
    "cacheWriteInputTokens": "x-amzn-bedrock-cache-write-input-token-count",
}
_LATENCY_HEADER = "x-amzn-bedrock-invocation-latency"
_METRICS = "amazon-bedrock-invocationMetrics"
_MEMBERS = {
    "inputTokens": "inputTokenCount",
    "outputTokens": "outputTokenCount",
    "cacheReadInputTokens": "cacheReadInputTokenCount",
    "cacheWriteInputTokens": "cacheWriteInputTokenCount",
}
# Inside a JSON text, the quotation mark would have a backslash.
_METRICS_BYTES = f'{_METRICS}":'.encode()
# The first chunks of Claude and Nova say that an answer begins and hold nothing of it.
_BEGINNINGS = (b'"message_start"', b'"messageStart"', b'"ping"')


@dataclass(frozen=True)
class InvocationMetrics:
    """Tokens by Converse's names, and Bedrock's latency in milliseconds; what Bedrock did not send is left out."""

    counts: Mapping[str, int] = field(default_factory=dict)
    latency_ms: int | None = None


def metrics_of_headers(headers: Mapping[str, str]) -> InvocationMetrics:
    """Read the metrics of an answer; header names are in lower case."""
    counts = {name: headers.get(header, "") for name, header in _HEADERS.items()}
    latency = headers.get(_LATENCY_HEADER, "")
    return InvocationMetrics(
        {name: int(text) for name, text in counts.items() if text.isdecimal()},
        int(latency) if latency.isdecimal() else None,
    )


def is_last_chunk(event: Mapping[str, Any]) -> bool:
    """Whether an event of InvokeModelWithResponseStream holds the metrics, after which nothing follows."""
    return _METRICS_BYTES in _chunk(event)


class NativeStreamedAnswer:
    """The chunks of one answer, which its record holds as a list, as Bedrock's own log does.

    Another thread may read it while it grows, to record an open call.
    """

    def __init__(self) -> None:
        self.metrics: InvocationMetrics | None = None
        self._chunks: list[bytes] = []
        self._lock = threading.Lock()

    @property
    def is_complete(self) -> bool:
        """Whether the chunk with the metrics has arrived."""
        return self.metrics is not None

    def add(self, event: dict[str, Any]) -> None:
        """Add one event; never raises, and ignores kinds that hold nothing of the answer."""
        chunk = _chunk(event)
        if not chunk:
            return
        with self._lock:
            self._chunks.append(chunk)
        if is_last_chunk(event):
            self.metrics = _metrics_of_chunk(chunk)

    def holds_content(self, event: dict[str, Any]) -> bool:
        """Whether an event holds something of the answer itself."""
        chunk = _chunk(event)
        return bool(chunk) and not any(beginning in chunk[:200] for beginning in _BEGINNINGS)

    def assembled(self) -> list[Any]:
        """The chunks so far."""
        with self._lock:
            chunks = list(self._chunks)
        return [_parsed(chunk) for chunk in chunks]


def _chunk(event: Mapping[str, Any]) -> bytes:
    part = event.get("chunk") if isinstance(event, dict) else None
    data = part.get("bytes") if isinstance(part, dict) else None
    return data if isinstance(data, bytes) else b""


def _parsed(chunk: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json_text.loads(chunk)
    except (TypeError, ValueError):
        return chunk.decode(errors="replace")


def _metrics_of_chunk(chunk: bytes) -> InvocationMetrics:
    parsed = _parsed(chunk)
    metrics = parsed.get(_METRICS) if isinstance(parsed, dict) else None
    metrics = metrics if isinstance(metrics, dict) else {}
    counts = {name: metrics.get(member) for name, member in _MEMBERS.items()}
    latency = metrics.get("invocationLatency")
    return InvocationMetrics(
        {
            name: int(count)
            for name, count in counts.items()
            if count is not None and is_count(count)
        },
        latency if is_count(latency) else None,
    )
