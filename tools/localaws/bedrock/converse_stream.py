"""Converse's answer as the events of ConverseStream, in the same order as Bedrock's.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html: text has no
contentBlockStart event, a tool call has one, and its arguments are pieces of JSON text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock import event_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")
_MOST_DELTAS = 40  # a longer answer has larger pieces, not more of them


@dataclass(frozen=True)
class StreamedEvent:
    """One encoded event; ``last`` marks the last event of the stream."""

    encoded: bytes = field(repr=False)
    last: bool = False


def stream_events(answer: Mapping[str, Any]) -> Iterator[StreamedEvent]:
    """The events of one answer."""
    yield _event("messageStart", {"role": "assistant"})
    for index, block in enumerate(answer["output"]["message"]["content"]):
        yield from _block_events(index, block)
        yield _event("contentBlockStop", {"contentBlockIndex": index})
    yield _event("messageStop", _members(answer, "stopReason", "additionalModelResponseFields"))
    metadata = event_stream.event("metadata", _members(answer, "metrics", "usage", "trace"))
    yield StreamedEvent(metadata, last=True)


def _members(answer: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: answer[name] for name in names if name in answer}


def _block_events(index: int, block: Mapping[str, Any]) -> Iterator[StreamedEvent]:
    if "toolUse" in block:
        use = block["toolUse"]
        start = {"toolUse": {"name": use["name"], "toolUseId": use["toolUseId"]}}
        yield _event("contentBlockStart", {"contentBlockIndex": index, "start": start})
        for piece in _pieces(json.dumps(use["input"], ensure_ascii=False)):
            yield _delta(index, {"toolUse": {"input": piece}})
    elif "reasoningContent" in block:
        reasoning = block["reasoningContent"]["reasoningText"]
        for piece in _pieces(reasoning["text"]):
            yield _delta(index, {"reasoningContent": {"text": piece}})
        yield _delta(index, {"reasoningContent": {"signature": reasoning["signature"]}})
    else:
        for piece in _pieces(block["text"]):
            yield _delta(index, {"text": piece})


def _delta(index: int, delta: Mapping[str, Any]) -> StreamedEvent:
    return _event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


def _event(name: str, members: Mapping[str, Any]) -> StreamedEvent:
    return StreamedEvent(event_stream.event(name, members))


def _pieces(text: str) -> Iterator[str]:
    words = _WORD.findall(text)
    size = max(1, -(-len(words) // _MOST_DELTAS))
    for start in range(0, len(words), size):
        yield "".join(words[start : start + size])
