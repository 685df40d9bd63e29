"""The Lambda function: one event in, one answer out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from tenant_bedrock.start import Start

_start = Start()
_start.begin()  # before the imports below, which take long

from tenant_bedrock import errors, request  # noqa: E402
from tenant_bedrock.callback import refuse_onlookers  # noqa: E402
from tenant_bedrock.connection import Connection, connect  # noqa: E402

if TYPE_CHECKING:
    from langchain_aws import ChatBedrockConverse
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.runnables import RunnableWithFallbacks

    from tenant_bedrock.invocation import LambdaContext

    Chat = ChatBedrockConverse | RunnableWithFallbacks[LanguageModelInput, AIMessage]


def handler(event: object, context: LambdaContext | None) -> dict[str, Any]:
    """Answer ``{"prompt": ...}`` or ``{"messages": [{"role": ..., "content": ...}]}``.

    The event may also say ``system``, ``model`` (an alias), ``region``, ``max_tokens``,
    ``temperature``, ``top_p`` and ``stop``. The answer is ``{"answer", "model", "stop_reason",
    "usage", "record": {"id", "delivery"}}``, with tokens as Bedrock counted them: ``input_tokens``
    leaves out those read from or written to a prompt cache.

    ``model`` is the alias that answered: when Bedrock throttles or fails, the fallbacks of the one
    asked for are tried, each attempt with a record of its own.

    Raises BadRequestError, ModelNotGrantedError, TenantSuspendedError, RoleRefusedError,
    ThrottledError, ModelFailedError or NotRecordedError, which Lambda reports by class name as
    ``errorType``; none holds a prompt.
    """
    asked = request.parse(event)
    connection = _connection()
    with connection.invocation(context):
        chat = _chat(connection, asked.model, asked.region)
        refuse_onlookers()
        try:
            message = chat.invoke(asked.turns(), **asked.parameters())
        except Exception as error:  # noqa: BLE001 - every failure becomes one that holds no prompt
            raise errors.of_model(error) from None
    return _answer(message)


@functools.cache
def _connection() -> Connection:
    """The connection of this execution environment: keys and clients serve many invocations."""
    return connect(sessions=_start.sessions)


@functools.cache
def _chat(connection: Connection, model: str | None, region: str | None) -> Chat:
    """The chat for a model and a Region: making it costs as much as LangChain in a call does."""
    return connection.chat_with_fallbacks(model, region=region)


def _answer(message: BaseMessage) -> dict[str, Any]:
    record = message.response_metadata["record"]
    usage = record["usage"]
    return {
        "answer": str(message.text),
        "model": record["alias"],
        "stop_reason": message.response_metadata.get("stopReason"),
        "usage": {
            "input_tokens": usage.get("inputTokens", 0),
            "output_tokens": usage.get("outputTokens", 0),
            "total_tokens": usage.get("totalTokens", 0),
            "cache_read_input_tokens": usage.get("cacheReadInputTokens", 0),
            "cache_write_input_tokens": usage.get("cacheWriteInputTokens", 0),
        },
        "record": {"id": record["id"], "delivery": record["delivery"]},
    }


_start.finish(_connection)
