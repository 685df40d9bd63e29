"""Nova's format, whose members and events are those of Converse.

https://docs.aws.amazon.com/nova/latest/userguide/using-invoke-api.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.converse_stream import stream_members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def converse_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return Converse's parameters for a request body."""
    names = ("messages", "system", "inferenceConfig", "toolConfig")
    return {name: body[name] for name in names if name in body}


def native_answer(_model: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response body for Converse's answer."""
    return {name: answer[name] for name in ("output", "stopReason", "usage")}


def native_chunks(_model: str, answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed answer, from Converse's answer."""
    for name, members in stream_members(answer):
        yield {name: members}
