"""Answers as the events of ConverseStream and InvokeModelWithResponseStream, in the same order as Bedrock's.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html: text has no
contentBlockStart event, a tool call has one, and its arguments are pieces of JSON text. The encoding is
https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from moto.core.eventstream import EventStreamEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_Event = tuple[str, dict[str, Any]]

_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")
_MOST_DELTAS = 40  # a longer answer has larger pieces, not more of them


def stream_events(answer: Mapping[str, Any]) -> Iterator[bytes]:
    """The encoded events of one answer."""
    for name, members in stream_members(answer):
        yield _event(name, members)


def stream_members(answer: Mapping[str, Any]) -> Iterator[_Event]:
    """The events of one answer: their names and members."""
    yield "messageStart", {"role": "assistant"}
    for index, block in enumerate(answer["output"]["message"]["content"]):
        yield from _block_events(index, block)
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", _members(answer, "stopReason", "additionalModelResponseFields")
    yield "metadata", _members(answer, "metrics", "usage", "trace")


def chunk_event(chunk: Mapping[str, Any]) -> bytes:
    """A chunk of InvokeModelWithResponseStream as an encoded event.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html
    """
    text = json.dumps(chunk, ensure_ascii=False).encode()
    return _event("chunk", {"bytes": base64.b64encode(text).decode()})


def stream_exception(name: str, message: str) -> bytes:
    """A modelled exception inside a stream, after which a client stops reading."""
    headers = {":exception-type": name, ":message-type": "exception"}
    return _message(headers, {"message": message})


def _members(answer: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: answer[name] for name in names if name in answer}


def _block_events(index: int, block: Mapping[str, Any]) -> Iterator[_Event]:
    if "toolUse" in block:
        use = block["toolUse"]
        start = {"toolUse": {"name": use["name"], "toolUseId": use["toolUseId"]}}
        yield "contentBlockStart", {"contentBlockIndex": index, "start": start}
        for piece in text_pieces(json.dumps(use["input"], ensure_ascii=False)):
            yield _delta(index, {"toolUse": {"input": piece}})
    elif "reasoningContent" in block:
        reasoning = block["reasoningContent"]["reasoningText"]
        for piece in text_pieces(reasoning["text"]):
            yield _delta(index, {"reasoningContent": {"text": piece}})
        yield _delta(index, {"reasoningContent": {"signature": reasoning["signature"]}})
    else:
        for piece in text_pieces(block["text"]):
            yield _delta(index, {"text": piece})


def _delta(index: int, delta: Mapping[str, Any]) -> _Event:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}


def _event(name: str, members: Mapping[str, Any]) -> bytes:
    return _message({":event-type": name, ":message-type": "event"}, members)


def _message(headers: Mapping[str, str], members: Mapping[str, Any]) -> bytes:
    payload = json.dumps(members, ensure_ascii=False).encode()
    headers = {**headers, ":content-type": "application/json"}
    message: bytes = EventStreamEncoder().encode_message(headers, payload)
    return message


def text_pieces(text: str) -> Iterator[str]:
    """The pieces of a text that a stream sends, each of one or more words."""
    words = _WORD.findall(text)
    size = max(1, -(-len(words) // _MOST_DELTAS))
    for start in range(0, len(words), size):
        yield "".join(words[start : start + size])
