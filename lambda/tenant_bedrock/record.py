"""The record of one model call: Bedrock's ModelInvocationLog 1.0 plus ``tenantBedrock``.

Queries written for Bedrock's own log work on it unchanged:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from tenant_bedrock.errors import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenant_bedrock.settings import Settings

Phase = Literal["end", "error", "incomplete"]


@dataclass(frozen=True)
class Attempt:
    """One HTTP exchange with Bedrock; ``status`` is None when no answer came back."""

    request_id: str | None
    status: int | None
    error_code: str | None


@dataclass
class ModelCall:
    """What is known of one call so far: LangChain's callback begins it, the wire fills it in.

    ``body`` and ``answer`` are what really was sent and received, not LangChain's summary of it.
    """

    alias: str | None = None
    run_id: UUID | None = None
    record_id: str = field(default_factory=lambda: str(uuid4()))  # from os.urandom, not from a seed
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    sent: bool = False
    over: bool = False
    operation: str | None = None
    model_id: str | None = None
    region: str | None = None
    body: bytes = b""
    attempts: list[Attempt] = field(default_factory=list)
    answer: Mapping[str, Any] | None = None
    error: BaseException | None = None
    first_event_ms: float | None = None
    _started: float = field(default_factory=time.perf_counter)

    def elapsed_ms(self) -> float:
        """Milliseconds since the call began."""
        return round((time.perf_counter() - self._started) * 1000, 1)

    def usage(self) -> dict[str, int]:
        """Tokens as Bedrock counted them; ``inputTokens`` leaves out those read from a cache."""
        usage = (self.answer or {}).get("usage", {})
        return {name: count for name, count in usage.items() if isinstance(count, int)}


def build(call: ModelCall, phase: Phase, settings: Settings, session_arn: str) -> dict[str, Any]:
    """The record of a call that is over; without ``answer`` it has no output, unsent no input."""
    usage = call.usage()
    return _present(
        schemaType="ModelInvocationLog",
        schemaVersion="1.0",
        timestamp=call.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        accountId=settings.operations_account,
        identity={"arn": session_arn} if session_arn else None,
        region=call.region,
        requestId=call.attempts[-1].request_id if call.attempts else None,
        operation=call.operation,
        modelId=call.model_id,
        errorCode=code_of(call.error) if call.error else None,
        input=_input(call, usage) if call.sent else None,
        output=_output(call.answer, usage) if call.answer else None,
        tenantBedrock=_ours(call, phase, settings),
    )


def _ours(call: ModelCall, phase: Phase, settings: Settings) -> dict[str, Any]:
    """What Bedrock's log has no place for."""
    return _present(
        recordId=call.record_id,
        phase=phase,
        tenant=settings.tenant,
        environment=settings.environment,
        alias=call.alias,
        baseModelId=settings.models[call.alias].base_model_id if call.alias else None,
        runId=str(call.run_id) if call.run_id else None,
        attempts=[
            _present(
                requestId=attempt.request_id, status=attempt.status, errorCode=attempt.error_code
            )
            for attempt in call.attempts
        ],
        latencies=_present(
            bedrockMs=(call.answer or {}).get("metrics", {}).get("latencyMs"),
            firstEventMs=call.first_event_ms,
            totalMs=call.elapsed_ms(),
        ),
        error=(
            {"type": type(call.error).__name__, "message": str(call.error)} if call.error else None
        ),
    )


def _input(call: ModelCall, usage: dict[str, int]) -> dict[str, Any]:
    return _present(
        inputContentType="application/json",
        inputBodyJson=json.loads(call.body),
        inputTokenCount=usage.get("inputTokens"),
        cacheReadInputTokenCount=usage.get("cacheReadInputTokens"),
        cacheWriteInputTokenCount=usage.get("cacheWriteInputTokens"),
    )


def _output(answer: Mapping[str, Any], usage: dict[str, int]) -> dict[str, Any]:
    return _present(
        outputContentType="application/json",
        outputBodyJson={name: part for name, part in answer.items() if name != "ResponseMetadata"},
        outputTokenCount=usage.get("outputTokens"),
    )


def _present(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON members
    """Leave out what is not known, as Bedrock's log does, instead of writing null."""
    return {name: value for name, value in members.items() if value is not None}
