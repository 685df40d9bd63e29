"""The state of one model call: its request, its attempts and what has arrived of its answer."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenant_bedrock.delivery import Receipt
    from tenant_bedrock.native_answer import InvocationMetrics, NativeStreamedAnswer
    from tenant_bedrock.parts import RecordText
    from tenant_bedrock.stream import EventSource
    from tenant_bedrock.streamed_answer import StreamedAnswer

# Every request has a ``start`` mark and a record of another phase. ``incomplete`` means that the end was
# not seen, because a stream was abandoned or time ran out; if the answer arrives later, ``end`` follows.
Phase = Literal["start", "end", "error", "incomplete"]


class Stage(Enum):
    """How far a call has come; ``CallBook`` alone changes it."""

    BEGUN = auto()  # LangChain has announced it; nothing has been sent
    SENT = auto()  # Bedrock may be working on it, and its answer may be arriving
    ANSWERED = auto()  # it is over, and its record is not serialized yet
    WRITING = auto()  # its record is being put to CloudWatch
    ACKNOWLEDGED = auto()  # CloudWatch has the record
    COPIED = auto()  # the function's own log or the spool has the record
    LOST = auto()  # nothing has taken the record, so only the start mark is left


Outcome = Literal["delivered", "spilled", "lost"]
OUTCOMES: dict[Stage, Outcome] = {
    Stage.ACKNOWLEDGED: "delivered",
    Stage.COPIED: "spilled",
    Stage.LOST: "lost",
}


@dataclass(frozen=True)
class Attempt:
    """One HTTP exchange with Bedrock; ``status`` is None if there was no response."""

    request_id: str | None
    status: int | None
    error_code: str | None
    milliseconds: float


@dataclass(eq=False)
class ModelCall:
    """The state of one call; LangChain's callback creates it and botocore's hooks complete it.

    ``body`` and ``answer`` are the request and response themselves, not LangChain's view of them;
    ``answer_body`` is the text of an answer, in case botocore cannot parse it; ``stream`` is a
    streamed answer so far. ``metrics`` are those of an answer in the model's own format.
    ``waiting_ms`` are the milliseconds between LangChain's queueing of the call and its request.
    ``phase`` is that of the newest record, and ``text`` is this record once it is serialized.
    """

    alias: str | None = None
    run_id: UUID | None = None
    parent_run_id: UUID | None = None
    invocation_id: str | None = None
    record_id: str = field(default_factory=lambda: str(uuid4()))  # random even after a snapshot
    process_id: int = field(default_factory=os.getpid)
    stage: Stage = Stage.BEGUN
    phase: Phase | None = None
    text: RecordText | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    waiting_ms: float | None = None
    operation: str | None = None
    model_id: str | None = None
    region: str | None = None
    body: bytes = b""
    attempts: list[Attempt] = field(default_factory=list)
    answer: Mapping[str, Any] | None = None
    answer_body: bytes = b""
    unparsed_response: dict[str, Any] | None = None  # until botocore has parsed it
    http_response: Any = None  # of a stream
    stream: StreamedAnswer | NativeStreamedAnswer | None = None
    metrics: InvocationMetrics | None = None
    source: EventSource | None = None
    error: BaseException | None = None
    first_token_ms: float | None = None
    receipt: Receipt | None = None
    _started: float = field(default_factory=time.perf_counter)
    _attempt_started: float = field(default_factory=time.perf_counter)
    _ended: float | None = None

    @property
    def has_request(self) -> bool:
        """Whether the call got as far as a request to send."""
        return bool(self.body)

    def begin_attempt(self) -> None:
        """Begin an exchange; the first one is when the request leaves and all times begin."""
        now = time.perf_counter()
        if not self.attempts:
            self.waiting_ms = self.elapsed_ms() if self.run_id else None
            self._started = now
        self._attempt_started = now

    def stop_clock(self) -> None:
        """Fix the total time, so that a record that is built twice is the same both times."""
        self._ended = time.perf_counter()

    def elapsed_ms(self) -> float:
        """Milliseconds since the request left, or since LangChain began the call before that."""
        return round(((self._ended or time.perf_counter()) - self._started) * 1000, 1)

    def add_attempt(self, request_id: str | None, status: int | None, error: str | None) -> None:
        """Add an exchange that has ended."""
        milliseconds = round((time.perf_counter() - self._attempt_started) * 1000, 1)
        self.attempts.append(Attempt(request_id, status, error, milliseconds))

    def answer_so_far(self) -> Mapping[str, Any] | list[Any]:
        """The answer, or what has arrived of a streamed one; empty if there is none.

        It is a list only for a stream in the model's own format.
        """
        return self.answer or (self.stream.assembled() if self.stream else {})

    def usage(self) -> dict[str, int]:
        """Tokens as Bedrock counted them; ``inputTokens`` excludes cache reads and writes."""
        return self.token_counts(self.answer_so_far())

    def token_counts(self, answer: object) -> dict[str, int]:
        """The tokens of ``answer``, which Bedrock counts elsewhere if it has the model's own format."""
        return token_counts(answer) if self.metrics is None else dict(self.metrics.counts)


def token_counts(answer: object) -> dict[str, int]:
    """The numbers of tokens in the usage of Converse's answer, without anything there that is no count."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    if not isinstance(usage, dict):
        return {}
    return {name: count for name, count in usage.items() if is_count(count)}


def is_count(value: object) -> bool:
    """Whether a value is a whole number from 0 that other readers of JSON can hold, as a double."""
    return type(value) is int and 0 <= value <= sys.float_info.max
