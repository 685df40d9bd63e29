"""Keeps the books of one connection: a start mark and one record for every model call."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from tenant_bedrock import record
from tenant_bedrock.alarm import Alarm
from tenant_bedrock.delivery import Receipt
from tenant_bedrock.errors import NotRecordedError
from tenant_bedrock.invocation import Invocation
from tenant_bedrock.record import ModelCall
from tenant_bedrock.session import GIVE_UP_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from tenant_bedrock.delivery import Delivery, Outcome
    from tenant_bedrock.record import Phase
    from tenant_bedrock.session import OperationsRole
    from tenant_bedrock.settings import Settings

_Kept = TypeVar("_Kept")

_RECEIPTS_KEPT = 1_000
_WAITING_KEPT = 10_000
# Before Lambda ends an invocation, or half way when it has less: one put of what is still open, or
# its copy on stdout.
SWEEP_SECONDS = 1.0


class Recorder:
    """Writes down model calls and remembers the receipts of the last thousand LangChain runs."""

    def __init__(self, settings: Settings, role: OperationsRole, delivery: Delivery) -> None:
        self._settings = settings
        self._role = role
        self._delivery = delivery
        self._invocation = Invocation()
        self._alarm = Alarm(self.sweep)
        self._waiting: OrderedDict[UUID, ModelCall] = OrderedDict()  # begun, and not sent yet
        self._open: dict[str, ModelCall] = {}  # sent, and its end is not recorded yet
        self._receipts: OrderedDict[UUID, Receipt] = OrderedDict()
        self._lock = threading.Lock()

    # --- the life of a call, in its order ---

    def begin(self, alias: str, run_id: UUID, parent_run_id: UUID | None) -> None:
        """Open a LangChain run; the request it sends, if it comes so far, belongs to it."""
        call = ModelCall(alias=alias, run_id=run_id, parent_run_id=parent_run_id)
        with self._lock:
            _keep(self._waiting, run_id, call, _WAITING_KEPT)  # a cancelled run never leaves it

    def claim(self, run_id: UUID | None, body: bytes) -> ModelCall:
        """The call that a request belongs to: the run's own, or a new one made past LangChain."""
        with self._lock:
            call = (self._waiting.pop(run_id, None) if run_id else None) or ModelCall()
            call.body = body
            call.invocation_id = self._invocation.id
            self._open[call.record_id] = call
        return call

    def sending(self, call: ModelCall) -> None:
        """Say that a request is about to leave: if the process dies now, the gap has a name.

        Raises NotRecordedError when not even that can be said and the stanza requires an audit.
        """
        call.alias = call.alias or next(iter(self._settings.aliases_of(call.model_id)), None)
        mark = record.mark(call, self._settings, self._role.session_arn)
        try:
            self._delivery.announce(mark)
        except Exception:  # noqa: BLE001 - whatever it is, stdout does not take the mark
            if self._settings.audit == "required":
                with self._lock:
                    del self._open[call.record_id]
                raise NotRecordedError(
                    "The start mark of this call cannot be written, for stdout takes nothing, and "
                    "the stanza says audit = required. Nothing was sent."
                ) from None

    def failed_unsent(self, run_id: UUID, error: BaseException) -> None:
        """Record a run that failed before its request left; the wire has recorded all others."""
        with self._lock:
            call = self._waiting.pop(run_id, None)
        if call is not None:
            call.error = error
            call.invocation_id = self._invocation.id
            self.finish(call, "error")

    def finish(self, call: ModelCall, phase: Phase) -> None:
        """Deliver the record of a call that is over and keep its receipt.

        Raises NotRecordedError when CloudWatch did not acknowledge the record of an answer and the
        stanza requires an audit.
        """
        outcomes = self._write([call], phase)
        if phase == "end" and self._settings.audit == "required" and outcomes != ["delivered"]:
            raise NotRecordedError(
                f"CloudWatch has not acknowledged record {call.record_id} ({', '.join(outcomes)}), "
                "and the stanza says audit = required, so the answer is withheld. A spilled record "
                "is in the function's own log; see to the record log group, then ask again."
            )

    def receipt(self, run_id: UUID) -> Receipt | None:
        """The receipt of a LangChain run, if its record has been written."""
        with self._lock:
            return self._receipts.get(run_id)

    # --- calls whose end nobody has seen ---

    @contextmanager
    def during(self, invocation: Invocation) -> Iterator[None]:
        """Put the invocation's name into its records, and leave no call open behind it.

        What is still open is recorded as incomplete when the block ends, and shortly before Lambda
        would cut it off. What an earlier invocation left, cut off and thawed, is recorded first.
        """
        self.sweep()
        self._invocation = invocation
        self._alarm.set(invocation.ends_at - min(SWEEP_SECONDS, invocation.seconds_left() / 2))
        try:
            yield
        finally:
            self._alarm.set(math.inf)
            self.sweep()
            self._invocation = Invocation()

    def nearly_over(self) -> bool:
        """Whether the invocation has no time for another attempt."""
        return self._invocation.seconds_left() < GIVE_UP_SECONDS + 1

    def sweep(self) -> None:
        """Record every call that is open now as incomplete, with what has come of its answer.

        What CloudWatch has been given and has not answered for goes to stdout, in case it never does.
        """
        self._delivery.spill_unfinished()
        with self._lock:
            calls = list(self._open.values())
        if calls:
            self._write(calls, "incomplete")

    def _write(self, calls: Sequence[ModelCall], phase: Phase) -> list[Outcome]:
        """Build and deliver the records of those calls that have none of a later phase."""
        with self._lock:
            calls = [call for call in calls if call.recorded in {None, "incomplete"} - {phase}]
            for call in calls:
                call.recorded = phase
                self._open.pop(call.record_id, None)
        outcomes = self._delivered(calls, phase)
        with self._lock:
            for call, outcome in zip(calls, outcomes, strict=True):
                receipt = Receipt(call.record_id, outcome, call.alias, call.usage())
                if call.run_id is not None:
                    _keep(self._receipts, call.run_id, receipt, _RECEIPTS_KEPT)
        return outcomes

    def _delivered(self, calls: Sequence[ModelCall], phase: Phase) -> list[Outcome]:
        built = {}
        for call in calls:
            self._delivery.withdraw(call.record_id)
            # The answer is paid for: a fault in here must not cost it, and the mark names the gap.
            with suppress(Exception):
                built[call.record_id] = record.build(
                    call, phase, self._settings, self._role.session_arn
                )
        outcomes = self._delivery.deliver(list(built.values()), self._invocation.ends_at)
        told = dict(zip(built, outcomes, strict=True))
        return [told.get(call.record_id, "lost") for call in calls]


def _keep(kept: OrderedDict[UUID, _Kept], key: UUID, value: _Kept, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
