"""The record of one model call: Bedrock's ModelInvocationLog 1.0 plus ``tenantBedrock``.

Queries written for Bedrock's own log work on it unchanged:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html. The file
``record.schema.json`` beside this one says what a record may hold, as JSON Schema.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from tenant_bedrock import content
from tenant_bedrock.errors import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenant_bedrock.settings import Settings
    from tenant_bedrock.stream import StreamedAnswer

# A call has a ``start`` mark and one of the others. ``incomplete`` is a call nobody saw the end of:
# a stream left half way, or time that ran out. Should its answer come after all, ``end`` follows.
Phase = Literal["start", "end", "error", "incomplete"]


@dataclass(frozen=True)
class Attempt:
    """One HTTP exchange with Bedrock; ``status`` is None when no answer came back."""

    request_id: str | None
    status: int | None
    error_code: str | None
    milliseconds: float


@dataclass
class ModelCall:
    """What is known of one call so far: LangChain's callback begins it, the wire fills it in.

    ``body`` and ``answer`` are what really was sent and received, not LangChain's summary of it;
    ``stream`` is the answer to a stream as far as it has come. ``recorded`` is the last phase
    that was written.
    """

    alias: str | None = None
    run_id: UUID | None = None
    parent_run_id: UUID | None = None
    invocation_id: str | None = None
    record_id: str = field(default_factory=lambda: str(uuid4()))  # from os.urandom, not from a seed
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    recorded: Phase | None = None
    operation: str | None = None
    model_id: str | None = None
    region: str | None = None
    body: bytes = b""
    attempts: list[Attempt] = field(default_factory=list)
    answer: Mapping[str, Any] | None = None
    stream: StreamedAnswer | None = None
    error: BaseException | None = None
    first_token_ms: float | None = None
    _started: float = field(default_factory=time.perf_counter)

    @property
    def sent(self) -> bool:
        """Whether its request was handed to the network."""
        return bool(self.body)

    def elapsed_ms(self) -> float:
        """Milliseconds since the call began."""
        return round((time.perf_counter() - self._started) * 1000, 1)

    def attempted(self, request_id: str | None, status: int | None, error: str | None) -> None:
        """Note that one exchange is over; its time is what the earlier ones have left."""
        before = sum(attempt.milliseconds for attempt in self.attempts)
        took = round(self.elapsed_ms() - before, 1)
        self.attempts.append(Attempt(request_id, status, error, took))

    def received(self) -> Mapping[str, Any]:
        """The answer, or as much of a stream's as has come; empty when nothing has."""
        return self.answer or (self.stream.assembled() if self.stream else {})

    def usage(self) -> dict[str, int]:
        """Tokens as Bedrock counted them; ``inputTokens`` leaves out those read from a cache."""
        usage = self.received().get("usage", {})
        return {name: count for name, count in usage.items() if isinstance(count, int)}


def mark(call: ModelCall, settings: Settings, session_arn: str) -> dict[str, Any]:
    """The start mark: that a request of this size is about to leave, and nothing of its content.

    Where records hold no content, the mark leaves out the request's SHA-256 too.
    """
    digest = hashlib.sha256(call.body).hexdigest() if settings.content != "metadata" else None
    request = _present(bytes=len(call.body), sha256=digest)
    ours = _present(**_origin(call, "start", settings), request=request)
    return _present(**_head(call, settings, session_arn), tenantBedrock=ours)


def build(call: ModelCall, phase: Phase, settings: Settings, session_arn: str) -> dict[str, Any]:
    """The record of a call as it is now; without an answer it has no output, unsent no input."""
    answer = call.received()
    usage = call.usage()
    return _present(
        **_head(call, settings, session_arn),
        requestId=call.attempts[-1].request_id if call.attempts else None,
        errorCode=code_of(call.error) if call.error else None,
        input=_input(call, usage, settings) if call.sent else None,
        output=_output(answer, usage, settings) if answer else None,
        tenantBedrock=_ours(call, phase, answer, settings),
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


def _ours(
    call: ModelCall, phase: Phase, answer: Mapping[str, Any], settings: Settings
) -> dict[str, Any]:
    """What Bedrock's log has no place for."""
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
        inputBodyJson=content.shown(json.loads(call.body), settings.content),
        inputTokenCount=usage.get("inputTokens"),
        cacheReadInputTokenCount=usage.get("cacheReadInputTokens"),
        cacheWriteInputTokenCount=usage.get("cacheWriteInputTokens"),
    )


def _output(answer: Mapping[str, Any], usage: dict[str, int], settings: Settings) -> dict[str, Any]:
    body = {name: part for name, part in answer.items() if name != "ResponseMetadata"}
    return _present(
        outputContentType="application/json",
        outputBodyJson=content.shown(body, settings.content),
        outputTokenCount=usage.get("outputTokens"),
    )


def _error(error: BaseException, settings: Settings) -> dict[str, Any]:
    """AWS's messages quote what was sent at times, so they count as content."""
    message = str(error) if settings.content == "full" else None
    return _present(type=type(error).__name__, message=message)


def _reasoning_tokens(answer: Mapping[str, Any]) -> int | None:
    """Part of the output tokens; Bedrock tells it only when asked for the model's own usage.

    That is ``additional_model_response_field_paths=["/usage"]``, as LangChain reads it:
    https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
    """
    usage = (answer.get("additionalModelResponseFields") or {}).get("usage") or {}
    count = (usage.get("output_tokens_details") or {}).get("thinking_tokens")
    return count if isinstance(count, int) else None


def _present(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON members
    """Leave out what is not known, as Bedrock's log does, instead of writing null."""
    return {name: value for name, value in members.items() if value is not None}
