"""The record of one model call: Bedrock's ModelInvocationLog 1.0 plus ``tenantBedrock``.

Queries written for Bedrock's own log work on it unchanged:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html. The JSON Schema
of a record is ``record.schema.json`` in this folder.
"""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any

from tenant_bedrock import content, json_text
from tenant_bedrock.errors import error_code
from tenant_bedrock.model_call import is_count
from tenant_bedrock.parts import RecordText
from tenant_bedrock.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

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

_CONVERSE = ("Converse", "ConverseStream")


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
    head = _head(call, settings, session_arn)
    try:
        text = json_text.for_record(json_text.dumps(head | _details(call, phase, settings)))
    except Exception as error:  # noqa: BLE001 - see above
        minimal = head | _minimal_details(call, phase, settings, error)
        text = json_text.for_record(json_text.dumps(minimal))
    return RecordText(call.record_id, phase, head["timestamp"], text)


def _details(call: ModelCall, phase: Phase, settings: Settings) -> dict[str, Any]:
    """The members of a record after its head."""
    errors: dict[str, str] = {}
    answer = _attempt("output", errors, lambda: _answer(call)) or {}
    error = call.error
    input_body = output_body = None
    if call.has_request:
        input_body = _attempt("input", errors, lambda: _input_body(call, settings))
    if answer:
        output_body = _attempt("output", errors, lambda: _output_body(call, answer, settings))
    return _present(
        requestId=(call.attempts[-1].request_id or None) if call.attempts else None,
        errorCode=_attempt("error", errors, lambda: error_code(error)) if error else None,
        **_bodies(input_body, output_body, call.token_counts(answer)),
        tenantBedrock=_extension(call, phase, answer, errors, settings),
    )


def _minimal_details(
    call: ModelCall, phase: Phase, settings: Settings, error: Exception
) -> dict[str, Any]:
    """The members after the head that a record has if it could not be built: ids, counts and digests."""
    errors = {"record": type(error).__name__}
    counts = _attempt("output", errors, call.usage) or {}
    extension = _present(
        **_origin(call, phase, settings),
        attempts=_attempt("attempts", errors, lambda: _attempts(call)) or [],
        latencies={"totalMs": call.elapsed_ms()},
        buildErrors=errors,
        request=_digest(call.body, settings),
        answer=_digest(call.answer_body, settings) if call.answer_body else None,
    )
    return {**_bodies(None, None, counts), "tenantBedrock": extension}


def _attempt(part: str, errors: dict[str, str], build: Callable[[], Any]) -> Any:  # noqa: ANN401
    """The result of ``build``, or None and the class of its error in ``errors``."""
    try:
        return build()
    except Exception as error:  # noqa: BLE001 - the rest of the record must be written
        errors[part] = type(error).__name__
        return None


def _bodies(
    input_body: dict[str, Any] | None,
    output_body: dict[str, Any] | list[Any] | None,
    counts: dict[str, int],
) -> dict[str, Any]:
    """The members ``input`` and ``output``, each without what is not known."""
    members = {
        "input": _present(
            inputContentType="application/json" if input_body is not None else None,
            inputBodyJson=input_body,
            inputTokenCount=_count(counts.get("inputTokens")),
            cacheReadInputTokenCount=_count(counts.get("cacheReadInputTokens")),
            cacheWriteInputTokenCount=_count(counts.get("cacheWriteInputTokens")),
        ),
        "output": _present(
            outputContentType="application/json" if output_body is not None else None,
            outputBodyJson=output_body,
            outputTokenCount=_count(counts.get("outputTokens")),
        ),
    }
    return {name: member for name, member in members.items() if member}


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
        version=__version__,
    )


def _extension(
    call: ModelCall,
    phase: Phase,
    answer: dict[str, Any] | list[Any],
    errors: dict[str, str],
    settings: Settings,
) -> dict[str, Any]:
    """The object ``tenantBedrock``: everything that Bedrock's log has no member for."""
    has_lost_answer = "output" in errors and call.answer_body
    return _present(
        **_origin(call, phase, settings),
        attempts=_attempts(call),
        latencies=_present(
            waitingMs=call.waiting_ms,
            bedrockMs=_milliseconds(
                call.metrics.latency_ms if call.metrics else _member(answer, "metrics", "latencyMs")
            ),
            firstTokenMs=call.first_token_ms,
            totalMs=call.elapsed_ms(),
        ),
        reasoningTokenCount=_count(_member(answer, *_REASONING_TOKENS)),
        error=_error(call.error, errors, settings) if call.error else None,
        request=_digest(call.body, settings) if "input" in errors else None,
        answer=_digest(call.answer_body, settings) if has_lost_answer else None,
        buildErrors=errors or None,
    )


def _attempts(call: ModelCall) -> list[dict[str, Any]]:
    return [
        _present(
            requestId=attempt.request_id or None,
            status=attempt.status,
            errorCode=attempt.error_code,
            ms=attempt.milliseconds,
        )
        for attempt in call.attempts
    ]


def _answer(call: ModelCall) -> dict[str, Any] | list[Any]:
    """The answer so far, from its own text if there is one.

    botocore's parser drops members that its model of Bedrock does not know, and fails for an answer
    that is nested too deep. Raises ValueError or TypeError if the text is not a JSON object.
    """
    if not call.answer_body:
        answer = call.answer_so_far()
        return answer if isinstance(answer, list) else dict(answer)
    answer = json_text.loads(call.answer_body)
    if not isinstance(answer, dict):
        raise TypeError("The answer is not a JSON object.")
    return answer


def _input_body(call: ModelCall, settings: Settings) -> dict[str, Any]:
    body = json_text.loads(call.body)
    redact = content.redact if call.operation in _CONVERSE else content.redact_native
    return redact(body, settings.content)


def _output_body(
    call: ModelCall, answer: dict[str, Any] | list[Any], settings: Settings
) -> dict[str, Any] | list[Any]:
    if isinstance(answer, dict):
        answer = {name: part for name, part in answer.items() if name != "ResponseMetadata"}
    if call.operation in _CONVERSE:
        return content.redact(answer, settings.content)
    answer = content.without_vectors(answer)
    if isinstance(answer, list):
        return [content.redact_native(chunk, settings.content) for chunk in answer]
    return content.redact_native(answer, settings.content)


def _digest(body: bytes, settings: Settings) -> dict[str, Any]:
    """The size of a body, and its SHA-256 unless records keep no content."""
    digest = hashlib.sha256(body).hexdigest() if settings.content != "metadata" else None
    return _present(bytes=len(body), sha256=digest)


def _error(error: BaseException, errors: dict[str, str], settings: Settings) -> dict[str, Any]:
    """The error's class, and its message only with full content, because AWS's messages may quote it."""
    has_message = settings.content == "full"
    message = _attempt("error", errors, lambda: str(error)) if has_message else None
    return _present(type=type(error).__name__, message=message)


def _member(value: object, *names: str) -> Any:  # noqa: ANN401 - JSON
    """The member at a path, or None if there is none; the model's own fields can be of any type."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _count(value: Any) -> int | None:  # noqa: ANN401 - JSON
    """A number of tokens, or None for anything else; larger integers become strings in JSON."""
    return value if is_count(value) else None


def _milliseconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # Compared as it is, because math.isfinite raises OverflowError for a large integer.
    return value if 0 <= value <= sys.float_info.max else None


def _present(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON members
    """The members that are known; like Bedrock's log, a record leaves the others out."""
    return {name: value for name, value in members.items() if value is not None}
