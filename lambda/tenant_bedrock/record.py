"""The record of one model call: Bedrock's ModelInvocationLog 1.0 plus ``tenantBedrock``.

Queries written for Bedrock's own log work on it unchanged:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html. The JSON Schema
of a record is ``record.schema.json`` in this folder.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

from tenant_bedrock import content, json_text
from tenant_bedrock.errors import error_code
from tenant_bedrock.model_call import is_count, token_counts
from tenant_bedrock.parts import RecordText

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenant_bedrock.model_call import ModelCall, Phase
    from tenant_bedrock.settings import Settings

# The reasoning tokens among the output tokens, if the caller asked for the model's own usage. LangChain
# asks for it with ``additional_model_response_field_paths=["/usage"]``:
# https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
_REASONING_TOKENS = (
    "additionalModelResponseFields",
    "usage",
    "output_tokens_details",
    "thinking_tokens",
)


def start_mark(call: ModelCall, settings: Settings, session_arn: str) -> RecordText:
    """The start mark of a call, with the size of its request and none of its content.

    If records keep no content, the mark has no SHA-256 of the request either.
    """
    extension = {**_origin(call, "start", settings), "request": _digest(call.body, settings)}
    mark = {**_head(call, settings, session_arn), "tenantBedrock": extension}
    return RecordText(
        call.record_id, "start", mark["timestamp"], json_text.for_record(json_text.dumps(mark))
    )


def write(call: ModelCall, phase: Phase, settings: Settings, session_arn: str) -> RecordText:
    """The record of a call as it is now; it has no output without an answer and no input without a request.

    Never raises an Exception, because whoever steers the model could otherwise keep a call out of
    its audit. A request or answer that cannot be written as JSON is replaced by its size and
    SHA-256, and ``tenantBedrock.buildErrors`` has the class of the error.
    """
    try:
        record = _record(call, phase, settings, session_arn, _unchanged)
        text = json_text.dumps(record)
    except Exception as error:  # noqa: BLE001 - see above
        record, text = _degraded(call, phase, settings, session_arn, error)
    return RecordText(call.record_id, phase, record["timestamp"], json_text.for_record(text))


def _degraded(
    call: ModelCall, phase: Phase, settings: Settings, session_arn: str, error: Exception
) -> tuple[dict[str, Any], str]:
    """The record without the body that cannot be written, or, if it is not a body, without both."""
    try:
        record = _record(call, phase, settings, session_arn, _rewritten)
        return record, json_text.dumps(record)
    except Exception:  # noqa: BLE001 - the members below are our own and can be written
        extension = {
            **_origin(call, phase, settings),
            "attempts": [],
            "latencies": {"totalMs": call.elapsed_ms()},
            "buildErrors": {"record": type(error).__name__},
            "request": _digest(call.body, settings),
        }
        record = {**_head(call, settings, session_arn), "tenantBedrock": extension}
        return record, json_text.dumps(record)


def _unchanged(body: dict[str, Any]) -> object:
    return body


def _rewritten(body: dict[str, Any]) -> object:
    """A body as it is read back; raises what ``json_text.dumps`` raises if it cannot be written."""
    return json_text.loads(json_text.dumps(body))


def _record(
    call: ModelCall,
    phase: Phase,
    settings: Settings,
    session_arn: str,
    check: Callable[[dict[str, Any]], object],
) -> dict[str, Any]:
    """The members of the record; a body for which ``check`` raises is left out."""
    errors: dict[str, str] = {}
    answer: Mapping[str, Any] = {}
    input_body = output_body = None
    try:
        answer = _answer(call)
        if answer:
            output_body = check(_output_body(answer, settings))
    except Exception as error:  # noqa: BLE001 - the request and the counts must be written
        errors["output"] = type(error).__name__
    try:
        if call.has_request:
            input_body = check(content.redact(json_text.loads(call.body), settings.content))
    except Exception as error:  # noqa: BLE001 - the answer must be written
        errors["input"] = type(error).__name__
    counts = token_counts(answer)
    return _present(
        **_head(call, settings, session_arn),
        requestId=(call.attempts[-1].request_id or None) if call.attempts else None,
        errorCode=error_code(call.error) if call.error else None,
        input=_present(
            inputContentType="application/json" if input_body is not None else None,
            inputBodyJson=input_body,
            inputTokenCount=counts.get("inputTokens"),
            cacheReadInputTokenCount=counts.get("cacheReadInputTokens"),
            cacheWriteInputTokenCount=counts.get("cacheWriteInputTokens"),
        )
        or None,
        output=_present(
            outputContentType="application/json" if output_body is not None else None,
            outputBodyJson=output_body,
            outputTokenCount=counts.get("outputTokens"),
        )
        or None,
        tenantBedrock=_extension(call, phase, answer, errors, settings),
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
    model = settings.models.get(call.alias) if call.alias else None
    return _present(
        recordId=call.record_id,
        phase=phase,
        content=settings.content,
        tenant=settings.tenant,
        environment=settings.environment,
        alias=call.alias,
        baseModelId=model.base_model_id if model else None,
        runId=str(call.run_id) if call.run_id else None,
        parentRunId=str(call.parent_run_id) if call.parent_run_id else None,
        invocationId=call.invocation_id or None,
    )


def _extension(
    call: ModelCall,
    phase: Phase,
    answer: Mapping[str, Any],
    errors: dict[str, str],
    settings: Settings,
) -> dict[str, Any]:
    """The object ``tenantBedrock``: everything that Bedrock's log has no member for."""
    reasoning_tokens = _member(answer, *_REASONING_TOKENS)
    has_lost_answer = "output" in errors and call.answer_body
    return _present(
        **_origin(call, phase, settings),
        attempts=[
            _present(
                requestId=attempt.request_id or None,
                status=attempt.status,
                errorCode=attempt.error_code,
                ms=attempt.milliseconds,
            )
            for attempt in call.attempts
        ],
        latencies=_present(
            waitingMs=call.waiting_ms,
            bedrockMs=_milliseconds(_member(answer, "metrics", "latencyMs")),
            firstTokenMs=call.first_token_ms,
            totalMs=call.elapsed_ms(),
        ),
        reasoningTokenCount=reasoning_tokens if is_count(reasoning_tokens) else None,
        error=_error(call.error, settings) if call.error else None,
        buildErrors=errors or None,
        request=_digest(call.body, settings) if "input" in errors else None,
        answer=_digest(call.answer_body, settings) if has_lost_answer else None,
    )


def _answer(call: ModelCall) -> Mapping[str, Any]:
    """The answer so far, from its own text if there is one.

    botocore's parser drops members that its model of Bedrock does not know, and fails for an answer
    that is nested too deep. Raises ValueError or TypeError if the text is not a JSON object.
    """
    answer = json_text.loads(call.answer_body) if call.answer_body else call.answer_so_far()
    if not isinstance(answer, dict):
        raise TypeError("The answer is not a JSON object.")
    return answer


def _output_body(answer: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    body = {name: part for name, part in answer.items() if name != "ResponseMetadata"}
    return content.redact(body, settings.content)


def _digest(body: bytes, settings: Settings) -> dict[str, Any]:
    """The size of a body, and its SHA-256 unless records keep no content."""
    digest = hashlib.sha256(body).hexdigest() if settings.content != "metadata" else None
    return _present(bytes=len(body), sha256=digest)


def _error(error: BaseException, settings: Settings) -> dict[str, Any]:
    """The error's class, and its message only with full content, because AWS's messages may quote it."""
    message = str(error) if settings.content == "full" else None
    return _present(type=type(error).__name__, message=message)


def _member(value: object, *names: str) -> Any:  # noqa: ANN401 - JSON
    """The member at a path, or None if there is none; the model's own fields can be of any type."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _milliseconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _present(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON members
    """The members that are known; like Bedrock's log, a record leaves the others out."""
    return {name: value for name, value in members.items() if value is not None}
