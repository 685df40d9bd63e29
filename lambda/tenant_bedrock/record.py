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


def start_mark(call: ModelCall, settings: Settings, session_arn: str) -> RecordText:
    """The start mark of a call, with the size of its request and none of its content.

    If records keep no content, the mark has no SHA-256 of the request either.
    """
    extension = {**_origin(call, "start", settings), "request": _digest(call.body, settings)}
    mark = {**_head(call, settings, session_arn), "tenantBedrock": extension}
    return _record_text(call, "start", json_text.dumps(mark))


def write(call: ModelCall, phase: Phase, settings: Settings, session_arn: str) -> RecordText:
    """The record of a call as it is now; it has no output without an answer and no input without a request.

    Never raises an Exception, because whoever steers the model could otherwise keep a call out of
    its audit. A request or answer that cannot be written as JSON is replaced by its size and
    SHA-256, and the class of the error is in ``tenantBedrock.buildErrors``.
    """
    try:
        return _record_text(call, phase, _text(call, phase, settings, session_arn))
    except Exception as error:  # noqa: BLE001 - see above
        errors = {"record": type(error).__name__}
        extension = {
            **_origin(call, phase, settings),
            "attempts": [],
            "latencies": {"totalMs": call.elapsed_ms()},
            "buildErrors": errors,
            "request": _digest(call.body, settings),
        }
        minimal = {**_head(call, settings, session_arn), "tenantBedrock": extension}
        return _record_text(call, phase, json_text.dumps(minimal))


def _record_text(call: ModelCall, phase: Phase, text: str) -> RecordText:
    return RecordText(call.record_id, phase, _timestamp(call), json_text.for_record(text))


def _text(call: ModelCall, phase: Phase, settings: Settings, session_arn: str) -> str:
    """The record as JSON text, composed of texts so that each body can fail by itself."""
    errors: dict[str, str] = {}
    answer = _attempt("output", errors, lambda: _answer(call)) or {}
    head = {
        **_head(call, settings, session_arn),
        **_present(
            requestId=call.attempts[-1].request_id or None if call.attempts else None,
            errorCode=error_code(call.error) if call.error else None,
        ),
    }
    input_body = output_body = None
    if call.has_request:
        input_body = _attempt("input", errors, lambda: _input_body(call, settings))
    if answer:
        output_body = _attempt("output", errors, lambda: _output_body(answer, settings))
    counts = token_counts(answer)
    members = [
        json_text.dumps(head)[1:-1],
        *_body_member(
            "input",
            input_body,
            inputTokenCount=counts.get("inputTokens"),
            cacheReadInputTokenCount=counts.get("cacheReadInputTokens"),
            cacheWriteInputTokenCount=counts.get("cacheWriteInputTokens"),
        ),
        *_body_member("output", output_body, outputTokenCount=counts.get("outputTokens")),
        f'"tenantBedrock":{json_text.dumps(_extension(call, phase, answer, errors, settings))}',
    ]
    return f"{{{','.join(members)}}}"


def _attempt(part: str, errors: dict[str, str], build: Callable[[], Any]) -> Any:  # noqa: ANN401
    """The result of ``build``, or None and the class of its error in ``errors``."""
    try:
        return build()
    except Exception as error:  # noqa: BLE001 - the rest of the record must be written
        errors[part] = type(error).__name__
        return None


def _body_member(name: str, body: str | None, **counts: int | None) -> list[str]:
    """The member ``input`` or ``output`` with a body that is JSON text; none if nothing is known."""
    members = [
        f'"{count_name}":{count}' for count_name, count in counts.items() if count is not None
    ]
    if body is not None:
        members[:0] = [f'"{name}ContentType":"application/json"', f'"{name}BodyJson":{body}']
    return [f'"{name}":{{{",".join(members)}}}'] if members else []


def _head(call: ModelCall, settings: Settings, session_arn: str) -> dict[str, Any]:
    return _present(
        schemaType="ModelInvocationLog",
        schemaVersion="1.0",
        timestamp=_timestamp(call),
        accountId=settings.operations_account,
        identity={"arn": session_arn} if session_arn else None,
        region=call.region,
        operation=call.operation,
        modelId=call.model_id,
    )


def _timestamp(call: ModelCall) -> str:
    return call.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    reasoning = _member(answer, "additionalModelResponseFields", "usage", "output_tokens_details")
    reasoning_tokens = _member(reasoning, "thinking_tokens")
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
        answer=_digest(call.answer_body, settings)
        if "output" in errors and call.answer_body
        else None,
    )


def _answer(call: ModelCall) -> Mapping[str, Any]:
    """The answer so far; botocore's parser may have failed where the text can still be read."""
    answer = call.answer_so_far()
    if answer or not call.answer_body:
        return answer
    return content.redact(json_text.loads(call.answer_body), "full")


def _input_body(call: ModelCall, settings: Settings) -> str:
    return json_text.dumps(content.redact(json_text.loads(call.body), settings.content))


def _output_body(answer: Mapping[str, Any], settings: Settings) -> str:
    body = {name: part for name, part in answer.items() if name != "ResponseMetadata"}
    return json_text.dumps(content.redact(body, settings.content))


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
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) and value >= 0 else None


def _present(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON members
    """The members that are known; like Bedrock's log, a record leaves the others out."""
    return {name: value for name, value in members.items() if value is not None}
