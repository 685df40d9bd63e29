"""The Lambda function: one JSON event in, one JSON answer out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from tenant_bedrock.startup import Startup

_startup = Startup()
_startup.begin()  # before the imports below, which take most of a cold start

from tenant_bedrock import errors, request  # noqa: E402
from tenant_bedrock.callback import ensure_no_tracing  # noqa: E402
from tenant_bedrock.connection import Connection, connect  # noqa: E402

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from tenant_bedrock.connection import Chat
    from tenant_bedrock.invocation import LambdaContext


def handler(event: object, context: LambdaContext | None) -> dict[str, Any]:
    """Answer ``{"prompt": ...}`` or ``{"messages": [{"role": ..., "content": ...}]}``.

    The event may also have ``system``, ``model`` (an alias), ``region``, ``max_tokens``,
    ``temperature``, ``top_p`` and ``stop``. The answer is ``{"answer", "model", "stop_reason",
    "usage", "record": {"id", "delivery"}}``. Its tokens are those that Bedrock counted;
    ``input_tokens`` excludes tokens read from or written to a prompt cache.

    ``model`` in the answer is the alias that answered: if Bedrock throttles or fails, the fallbacks
    of the requested alias are tried, and each attempt has its own record.

    The event ``{"usage": true}`` calls no model, and answers ``{"usage": {"is_enforced", "time", "windows"}}``.

    Raises BadRequestError, ModelNotGrantedError, ModelAccessError, DeniedByPolicyError,
    TenantSuspendedError, QuotaReachedError, RoleRefusedError, ThrottledError, ModelFailedError, OutOfTimeError,
    NotRecordedError, PromptLeakError, UsageNotReadError or SettingsError. Lambda reports the class name as
    ``errorType``. No message quotes the event.
    """
    chat_request = request.parse(event)
    connection = _connection()
    with connection.invocation(context):
        if chat_request.usage:
            return {"usage": connection.usage().as_json()}
        chat = _chat(connection, chat_request.model, chat_request.region)
        ensure_no_tracing()  # tracing would show a chain of fallbacks before its models check for it
        try:
            message = chat.invoke(chat_request.turns(), **chat_request.parameters())
        except Exception as error:  # noqa: BLE001 - every failure becomes one that quotes nothing
            raise errors.from_model_call(
                error,
                connection.is_denied_everything,
                functools.partial(connection.reached_window, chat_request.model),
            ) from None
    return _answer(message)


@functools.cache
def _connection() -> Connection:
    """The connection of this execution environment, which serves many invocations."""
    return connect(sessions=_startup.sessions)


@functools.cache
def _chat(connection: Connection, model: str | None, region: str | None) -> Chat:
    """The chat for a model and a Region; making one takes as long as LangChain does for a call."""
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


_startup.finish(_connection)
