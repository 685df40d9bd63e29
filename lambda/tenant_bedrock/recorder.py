"""Recording of one connection's model calls: a start mark and one record for each."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from tenant_bedrock import record
from tenant_bedrock.aws_sessions import RESERVE_SECONDS
from tenant_bedrock.deadline import Deadline
from tenant_bedrock.delivery import Receipt
from tenant_bedrock.errors import NotRecordedError
from tenant_bedrock.invocation import Invocation
from tenant_bedrock.model_call import ModelCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from tenant_bedrock.aws_sessions import OperationsRole
    from tenant_bedrock.delivery import Delivery, Outcome
    from tenant_bedrock.model_call import Phase
    from tenant_bedrock.settings import Settings

_Value = TypeVar("_Value")

_MAX_RECEIPTS = 1_000
_MAX_WAITING = 10_000
# Before Lambda ends an invocation, or after half of a shorter one: time to put the records of open
# calls, or to write them to stdout.
SWEEP_SECONDS = 1.0


class Recorder:
    """Records model calls and keeps the receipts of the last 1,000 LangChain runs."""

    def __init__(self, settings: Settings, role: OperationsRole, delivery: Delivery) -> None:
        self._settings = settings
        self._role = role
        self._delivery = delivery
        self._invocation = Invocation()
        self._deadline = Deadline(self.sweep)
        self._waiting: OrderedDict[UUID, ModelCall] = OrderedDict()  # begun, not sent yet
        self._open: dict[str, ModelCall] = {}  # sent, end not recorded yet
        self._receipts: OrderedDict[UUID, Receipt] = OrderedDict()
        self._lock = threading.Lock()

    # --- the steps of a call, in order ---

    def begin(self, alias: str, run_id: UUID, parent_run_id: UUID | None) -> None:
        """Open a call for a LangChain run; the run's request, if there is one, belongs to it."""
        call = ModelCall(alias=alias, run_id=run_id, parent_run_id=parent_run_id)
        with self._lock:
            # Limited, because a run that is cancelled before its request is never removed.
            _insert(self._waiting, run_id, call, _MAX_WAITING)

    def claim(self, run_id: UUID | None, body: bytes) -> ModelCall:
        """The call that a request belongs to: that of its run, or a new one without LangChain."""
        with self._lock:
            call = (self._waiting.pop(run_id, None) if run_id else None) or ModelCall()
            call.body = body
            call.invocation_id = self._invocation.id
            self._open[call.record_id] = call
        return call

    def announce(self, call: ModelCall) -> None:
        """Write the start mark, so that a call whose process dies is a gap with an id.

        Raises NotRecordedError if the mark cannot be written and the stanza requires an audit.
        """
        call.alias = call.alias or next(iter(self._settings.aliases_for(call.model_id)), None)
        mark = record.start_mark(call, self._settings, self._role.session_arn)
        try:
            self._delivery.announce(mark)
        except Exception:  # noqa: BLE001 - whatever the error, stdout has not taken the mark
            if self._settings.audit == "required":
                with self._lock:
                    del self._open[call.record_id]
                raise NotRecordedError(
                    "The start mark of this call could not be written because stdout is closed or "
                    "full, and the stanza has audit = required. Nothing was sent."
                ) from None

    def fail_before_request(self, run_id: UUID, error: BaseException) -> None:
        """Record a run that failed before its request; botocore's hooks record all others."""
        with self._lock:
            call = self._waiting.pop(run_id, None)
        if call is not None:
            call.error = error
            call.invocation_id = self._invocation.id
            self.finish(call, "error")

    def finish(self, call: ModelCall, phase: Phase) -> None:
        """Deliver the record of a call that is over and keep its receipt.

        Raises NotRecordedError if CloudWatch did not acknowledge the record of an answer and the
        stanza requires an audit.
        """
        outcomes = self._write([call], phase)
        if phase == "end" and self._settings.audit == "required" and outcomes != ["delivered"]:
            raise NotRecordedError(
                f"CloudWatch did not acknowledge record {call.record_id} ({', '.join(outcomes)}), and "
                "the stanza has audit = required, so the answer is withheld. A spilled record is in "
                "the function's own log. Restore access to the record log group, then try again."
            )

    def receipt(self, run_id: UUID) -> Receipt | None:
        """The receipt of a LangChain run, if its record has been written."""
        with self._lock:
            return self._receipts.get(run_id)

    # --- calls whose end was not seen ---

    @contextmanager
    def during(self, invocation: Invocation) -> Iterator[None]:
        """Name the invocation in the block's records and leave no call open after it.

        Calls that are still open are recorded as incomplete at the end of the block, and shortly
        before Lambda ends the invocation. Calls that an earlier invocation left are recorded first.
        """
        self.sweep()
        self._invocation = invocation
        self._deadline.set(invocation.ends_at - min(SWEEP_SECONDS, invocation.seconds_left() / 2))
        try:
            yield
        finally:
            self._deadline.set(math.inf)
            self.sweep()
            self._invocation = Invocation()

    def is_nearly_over(self) -> bool:
        """Whether the invocation has no time for another attempt."""
        return self._invocation.seconds_left() < RESERVE_SECONDS + 1

    def sweep(self) -> None:
        """Record all open calls as incomplete, with what has arrived of their answers.

        Records that CloudWatch has not acknowledged yet are written to stdout as well.
        """
        self._delivery.spill_unacknowledged()
        with self._lock:
            calls = list(self._open.values())
        if calls:
            self._write(calls, "incomplete")

    def _write(self, calls: Sequence[ModelCall], phase: Phase) -> list[Outcome]:
        """Deliver the records of the calls that have none yet, or only an incomplete one."""
        with self._lock:
            calls = [call for call in calls if call.recorded in {None, "incomplete"} - {phase}]
            for call in calls:
                call.recorded = phase
                self._open.pop(call.record_id, None)
        outcomes = self._deliver(calls, phase)
        with self._lock:
            for call, outcome in zip(calls, outcomes, strict=True):
                receipt = Receipt(call.record_id, outcome, call.alias, call.usage())
                if call.run_id is not None:
                    _insert(self._receipts, call.run_id, receipt, _MAX_RECEIPTS)
        return outcomes

    def _deliver(self, calls: Sequence[ModelCall], phase: Phase) -> list[Outcome]:
        records = {}
        for call in calls:
            self._delivery.withdraw(call.record_id)
            # An error in here must not cost the answer, which is paid for; the start mark remains.
            with suppress(Exception):
                records[call.record_id] = record.build(
                    call, phase, self._settings, self._role.session_arn
                )
        outcomes = self._delivery.deliver(list(records.values()), self._invocation.ends_at)
        outcomes_by_id = dict(zip(records, outcomes, strict=True))
        return [outcomes_by_id.get(call.record_id, "lost") for call in calls]


def _insert(entries: OrderedDict[UUID, _Value], key: UUID, value: _Value, limit: int) -> None:
    """Add an entry and drop the oldest ones above ``limit``."""
    entries[key] = value
    while len(entries) > limit:
        entries.popitem(last=False)
