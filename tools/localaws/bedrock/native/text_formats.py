"""The formats of models that write text, which the stand-in answers as it answers Converse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.native import claude, nova
from tools.localaws.bedrock.native.body import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_METRICS = "amazon-bedrock-invocationMetrics"


@dataclass(frozen=True)
class TextFormat:
    """How a family's bodies become Converse's request, and Converse's answer a body or the chunks of a stream."""

    request: Callable[[Mapping[str, Any]], dict[str, Any]]
    answer: Callable[[str, Mapping[str, Any]], dict[str, Any]]
    chunks: Callable[[str, Mapping[str, Any]], Iterator[dict[str, Any]]]


_FORMATS = {
    "anthropic.": TextFormat(claude.converse_request, claude.native_answer, claude.native_chunks),
    "amazon.nova-": TextFormat(nova.converse_request, nova.native_answer, nova.native_chunks),
}


def text_format(model: str) -> TextFormat:
    """Return the format of a model; raises ServiceError (ValidationException) if there is none."""
    for prefix, known in _FORMATS.items():
        if model.startswith(prefix):
            return known
    raise invalid("The local AWS knows only InvokeModel's texts of Claude and Nova; use Converse.")


def streamed_chunks(model: str, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The chunks of a streamed answer; the last one has Bedrock's metrics too.

    No page of AWS lists the metrics; langchain-aws reads them:
    https://github.com/langchain-ai/langchain-aws/blob/main/libs/aws/langchain_aws/llms/bedrock.py
    """
    *chunks, last = text_format(model).chunks(model, answer)
    latency = answer["metrics"]["latencyMs"]
    metrics = {
        "firstByteLatency": latency,
        "inputTokenCount": answer["usage"]["inputTokens"],
        "invocationLatency": latency,
        "outputTokenCount": answer["usage"]["outputTokens"],
    }
    return [*chunks, {**last, _METRICS: metrics}]
