"""Claude's Messages format, of text only.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
The events of a stream: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.converse_stream import text_pieces
from tools.localaws.bedrock.native.body import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSION = "bedrock-2023-05-31"


def converse_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return Converse's parameters for a request body; raises ServiceError (ValidationException)."""
    if body.get("anthropic_version") != _VERSION:
        raise invalid(f"anthropic_version: write {_VERSION}.")
    if not isinstance(body.get("max_tokens"), int):
        raise invalid("max_tokens: Field required")
    inference = {"maxTokens": body["max_tokens"]}
    names = {"stop_sequences": "stopSequences", "temperature": "temperature", "top_p": "topP"}
    inference |= {converse: body[name] for name, converse in names.items() if name in body}
    messages = [
        {"role": message["role"], "content": _blocks(message["content"])}
        for message in body.get("messages") or ()
    ]
    return {
        "inferenceConfig": inference,
        "messages": messages,
        "system": _blocks(body.get("system") or []),
    }


def native_answer(model: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response body for Converse's answer."""
    [block] = answer["output"]["message"]["content"]
    return {
        "content": [{"text": block["text"], "type": "text"}],
        "id": f"msg_bdrk_{secrets.token_hex(12)}",
        "model": model.removeprefix("anthropic."),
        "role": "assistant",
        "stop_reason": answer["stopReason"],
        "stop_sequence": None,
        "type": "message",
        "usage": _usage(answer["usage"]),
    }


def native_chunks(model: str, answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed answer, from Converse's answer."""
    message = native_answer(model, answer)
    [block] = message["content"]
    yield {
        "message": {
            **message,
            "content": [],
            "stop_reason": None,
            "usage": {**message["usage"], "output_tokens": 0},
        },
        "type": "message_start",
    }
    yield {
        "content_block": {"text": "", "type": "text"},
        "index": 0,
        "type": "content_block_start",
    }
    for piece in text_pieces(block["text"]):
        delta = {"text": piece, "type": "text_delta"}
        yield {"delta": delta, "index": 0, "type": "content_block_delta"}
    yield {"index": 0, "type": "content_block_stop"}
    yield {
        "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
        "type": "message_delta",
        "usage": {"output_tokens": message["usage"]["output_tokens"]},
    }
    yield {"type": "message_stop"}


def _blocks(content: Any) -> list[dict[str, str]]:  # noqa: ANN401 - JSON of the caller
    if isinstance(content, str):
        return [{"text": content}]
    if any(block.get("type") != "text" for block in content):
        raise invalid("The local AWS knows only text in InvokeModel's bodies; use Converse.")
    return [{"text": block["text"]} for block in content]


def _usage(usage: Mapping[str, int]) -> dict[str, int]:
    return {
        "cache_creation_input_tokens": usage["cacheWriteInputTokens"],
        "cache_read_input_tokens": usage["cacheReadInputTokens"],
        "input_tokens": usage["inputTokens"],
        "output_tokens": usage["outputTokens"],
    }
