"""The record of one model call: Bedrock's ModelInvocationLog 1.0 plus ``tenantBedrock``.

Queries written for Bedrock's own log work on it unchanged:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html. The JSON Schema
of a record is ``record.schema.json`` in this folder.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tenant_bedrock import content
from tenant_bedrock.errors import error_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenant_bedrock.model_call import ModelCall, Phase
    from tenant_bedrock.settings import Settings


def start_mark(call: ModelCall, settings: Settings, session_arn: str) -> dict[str, Any]:
    """The start mark of a call, with the size of its request and none of its content.

    If records keep no content, the mark has no SHA-256 of the request either.
    """
    digest = hashlib.sha256(call.body).hexdigest() if settings.content != "metadata" else None
    request = _present(bytes=len(call.body), sha256=digest)
    extension = {**_origin(call, "start", settings), "request": request}
    return {**_head(call, settings, session_arn), "tenantBedrock": extension}


def build(call: ModelCall, phase: Phase, settings: Settings, session_arn: str) -> dict[str, Any]:
    """The record of a call; it has no output without an answer and no input without a request."""
    answer = call.answer_so_far()
    usage = call.usage()
    return _present(
        **_head(call, settings, session_arn),
        requestId=call.attempts[-1].request_id if call.attempts else None,
        errorCode=error_code(call.error) if call.error else None,
        input=_input(call, usage, settings) if call.has_request else None,
        output=_output(answer, usage, settings) if answer else None,
        tenantBedrock=_extension(call, phase, answer, settings),
    )


def _head(call: ModelCall, settings: Settings, session_arn: str) -> dict[str, Any]:
    return _present(
        schemaType="ModelInvocationLog",
        schemaVersion="1.0",
        timestamp=call.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        accountId=settings.operations_account,
        identity={"arn": session_arn} if session_arn else None,
        region=call.region,
        operation=call.operation,
        modelId=call.model_id,
    )


def _origin(call: ModelCall, phase: Phase, settings: Settings) -> dict[str, Any]:
    return _present(
        recordId=call.record_id,
        phase=phase,
        content=settings.content,
        tenant=settings.tenant,
        environment=settings.environment,
        alias=call.alias,
        baseModelId=settings.models[call.alias].base_model_id if call.alias else None,
        runId=str(call.run_id) if call.run_id else None,
        parentRunId=str(call.parent_run_id) if call.parent_run_id else None,
        invocationId=call.invocation_id,
    )


def _extension(
    call: ModelCall, phase: Phase, answer: Mapping[str, Any], settings: Settings
) -> dict[str, Any]:
    """The object ``tenantBedrock``: everything that Bedrock's log has no member for."""
    return _present(
        **_origin(call, phase, settings),
        attempts=[
            _present(
                requestId=attempt.request_id,
                status=attempt.status,
                errorCode=attempt.error_code,
                ms=attempt.milliseconds,
            )
            for attempt in call.attempts
        ],
        latencies=_present(
            bedrockMs=answer.get("metrics", {}).get("latencyMs"),
            firstTokenMs=call.first_token_ms,
            totalMs=call.elapsed_ms(),
        ),
        reasoningTokenCount=_reasoning_tokens(answer),
        error=_error(call.error, settings) if call.error else None,
    )


def _input(call: ModelCall, usage: dict[str, int], settings: Settings) -> dict[str, Any]:
    return _present(
        inputContentType="application/json",
        inputBodyJson=content.redact(json.loads(call.body), settings.content),
        inputTokenCount=usage.get("inputTokens"),
        cacheReadInputTokenCount=usage.get("cacheReadInputTokens"),
        cacheWriteInputTokenCount=usage.get("cacheWriteInputTokens"),
    )


def _output(answer: Mapping[str, Any], usage: dict[str, int], settings: Settings) -> dict[str, Any]:
    body = {name: part for name, part in answer.items() if name != "ResponseMetadata"}
    return _present(
        outputContentType="application/json",
        outputBodyJson=content.redact(body, settings.content),
        outputTokenCount=usage.get("outputTokens"),
    )


def _error(error: BaseException, settings: Settings) -> dict[str, Any]:
    """The error's class, and its message only with full content, because AWS's messages may quote it."""
    message = str(error) if settings.content == "full" else None
    return _present(type=type(error).__name__, message=message)


def _reasoning_tokens(answer: Mapping[str, Any]) -> int | None:
    """The reasoning tokens among the output tokens, if the caller asked for the model's own usage.

    LangChain asks for it with ``additional_model_response_field_paths=["/usage"]``:
    https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
    """
    usage = (answer.get("additionalModelResponseFields") or {}).get("usage") or {}
    count = (usage.get("output_tokens_details") or {}).get("thinking_tokens")
    return count if isinstance(count, int) else None


def _present(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON members
    """The members that are known; like Bedrock's log, a record leaves the others out."""
    return {name: value for name, value in members.items() if value is not None}
