"""Converse's answer as the events of ConverseStream, in Bedrock's order.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html: text comes
without contentBlockStart, a tool call with one; its arguments are pieces of JSON text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.cloud.bedrock import event_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")
_MOST_DELTAS = 40  # a longer answer comes in larger pieces, not in more of them


@dataclass(frozen=True)
class StreamedEvent:
    """One encoded event; ``last`` is true for the stream's last."""

    encoded: bytes = field(repr=False)
    last: bool = False


def stream_events(answer: Mapping[str, Any]) -> Iterator[StreamedEvent]:
    """The events of one answer with one content block."""
    (block,) = answer["output"]["message"]["content"]
    yield _event("messageStart", {"role": "assistant"})
    yield from _block_events(block)
    yield _event("contentBlockStop", {"contentBlockIndex": 0})
    yield _event("messageStop", {"stopReason": answer["stopReason"]})
    metadata = event_stream.event(
        "metadata", {"metrics": answer["metrics"], "usage": answer["usage"]}
    )
    yield StreamedEvent(metadata, last=True)


def _block_events(block: Mapping[str, Any]) -> Iterator[StreamedEvent]:
    if "toolUse" in block:
        use = block["toolUse"]
        start = {"toolUse": {"name": use["name"], "toolUseId": use["toolUseId"]}}
        yield _event("contentBlockStart", {"contentBlockIndex": 0, "start": start})
        for piece in _pieces(json.dumps(use["input"], ensure_ascii=False)):
            yield _delta({"toolUse": {"input": piece}})
    else:
        for piece in _pieces(block["text"]):
            yield _delta({"text": piece})


def _delta(delta: Mapping[str, Any]) -> StreamedEvent:
    return _event("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta})


def _event(name: str, members: Mapping[str, Any]) -> StreamedEvent:
    return StreamedEvent(event_stream.event(name, members))


def _pieces(text: str) -> Iterator[str]:
    words = _WORD.findall(text)
    size = max(1, -(-len(words) // _MOST_DELTAS))
    for start in range(0, len(words), size):
        yield "".join(words[start : start + size])
