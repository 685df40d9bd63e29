"""The Lambda function: one event in, one answer out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tenant_bedrock import errors, request
from tenant_bedrock.connection import Connection, connect

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from tenant_bedrock.delivery import Receipt


def handler(event: object, _context: object) -> dict[str, Any]:
    """Answer ``{"prompt": ...}`` or ``{"messages": [{"role": ..., "content": ...}]}``.

    The event may also say ``system``, ``model`` (an alias), ``region``, ``max_tokens``,
    ``temperature``, ``top_p`` and ``stop``. The answer is ``{"answer", "model", "stop_reason",
    "usage", "record": {"id", "delivery"}}``, with tokens as Bedrock counted them: ``input_tokens``
    leaves out those read from or written to a prompt cache.

    Raises BadRequestError, ModelNotGrantedError, RoleRefusedError, ThrottledError or
    ModelFailedError, which Lambda reports by class name as ``errorType``; none holds a prompt.
    """
    asked = request.parse(event)
    connection = _connection()
    alias, _, region = connection.settings.grant(asked.model, asked.region)
    chat = connection.chat(alias, region=region)
    run_id = uuid4()
    try:
        message = chat.invoke(asked.turns(), {"run_id": run_id}, **asked.parameters())
    except Exception as error:  # noqa: BLE001 - every failure becomes one that holds no prompt
        raise errors.of_model(error, connection.receipt(run_id)) from None
    return _answer(alias, message, connection.receipt(run_id))


@functools.cache
def _connection() -> Connection:
    """The connection of this execution environment: keys and clients serve many invocations."""
    return connect()


def _answer(alias: str, message: AIMessage, receipt: Receipt | None) -> dict[str, Any]:
    usage = receipt.usage if receipt else {}
    return {
        "answer": str(message.text),
        "model": alias,
        "stop_reason": message.response_metadata.get("stopReason"),
        "usage": {
            "input_tokens": usage.get("inputTokens", 0),
            "output_tokens": usage.get("outputTokens", 0),
            "total_tokens": usage.get("totalTokens", 0),
            "cache_read_input_tokens": usage.get("cacheReadInputTokens", 0),
            "cache_write_input_tokens": usage.get("cacheWriteInputTokens", 0),
        },
        "record": message.response_metadata.get("record"),
    }
