"""The chunks of InvokeModelWithResponseStream, each with an event of the model's own format.

Claude: https://docs.anthropic.com/en/docs/build-with-claude/streaming
Nova: https://docs.aws.amazon.com/nova/latest/userguide/using-invoke-api.html
Bedrock adds its counts to the last event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.converse_stream import pieces
from tools.localaws.bedrock.native_bodies import native_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def native_chunks(model: str, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events of an answer, which is Converse's."""
    events = _claude_events if model.startswith("anthropic.") else _nova_events
    *others, last = events(native_answer(model, answer))
    usage, latency = answer["usage"], answer["metrics"]["latencyMs"]
    metrics = {
        "inputTokenCount": usage["inputTokens"],
        "outputTokenCount": usage["outputTokens"],
        "invocationLatency": latency,
        "firstByteLatency": latency,
    }
    return [*others, {**last, "amazon-bedrock-invocationMetrics": metrics}]


def _claude_events(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    beginning = {**message, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": beginning}
    for index, block in enumerate(message["content"]):
        empty = {**block, "text": ""}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for piece in pieces(block["text"]):
            delta = {"type": "text_delta", "text": piece}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {name: message[name] for name in ("stop_reason", "stop_sequence")}
    usage = {"output_tokens": message["usage"]["output_tokens"]}
    yield {"type": "message_delta", "delta": end, "usage": usage}
    yield {"type": "message_stop"}


def _nova_events(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"messageStart": {"role": "assistant"}}
    for index, block in enumerate(answer["output"]["message"]["content"]):
        for piece in pieces(block["text"]):
            yield {"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": index}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": answer["stopReason"]}}
    yield {"metadata": {"usage": answer["usage"], "metrics": {}, "trace": {}}}
