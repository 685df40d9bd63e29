"""Recording of one connection's model calls: a start mark and one record for each."""

from __future__ import annotations

import logging
import math
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenant_bedrock import record
from tenant_bedrock.call_book import CallBook
from tenant_bedrock.deadline import Deadline
from tenant_bedrock.delivery import COPY_SECONDS, Receipt
from tenant_bedrock.delivery_thread import DeliveryThread
from tenant_bedrock.errors import NotRecordedError
from tenant_bedrock.invocation import Invocation
from tenant_bedrock.lease import Lease
from tenant_bedrock.model_call import OUTCOMES, ModelCall, Stage
from tenant_bedrock.runs import Runs
from tenant_bedrock.shutdown import SIGTERM_SECONDS, process_end, register
from tenant_bedrock.start_marks import StartMarks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from uuid import UUID

    from tenant_bedrock.aws_sessions import OperationsRole
    from tenant_bedrock.delivery import Delivery
    from tenant_bedrock.model_call import Outcome, Phase
    from tenant_bedrock.parts import RecordText
    from tenant_bedrock.settings import Settings

_log = logging.getLogger(__name__)

# Before Lambda ends an invocation, or after half of a shorter one: time to put the records of open
# calls, or to copy them.
SWEEP_SECONDS = 1.0


class Recorder:
    """Records model calls and keeps their receipts."""

    def __init__(self, settings: Settings, role: OperationsRole, delivery: Delivery) -> None:
        self._settings = settings
        self._role = role
        self._delivery = delivery
        self._invocation = Invocation()
        self._deadline = Deadline(self._sweep_before_the_end)
        self._runs = Runs()
        self.renewals: list[Callable[[], None]] = []  # called in a forked process
        self._marks = StartMarks()
        self._thread = DeliveryThread(self)
        self._book = CallBook(
            # A recorder with open calls must not be collected.
            on_first=lambda: process_end.busy_owners.add(self),
            on_last=lambda: process_end.busy_owners.discard(self),
        )
        register(self)
        if delivery.seconds_to_retry() is not None:  # a process that has ended may have left copies
            self._thread.start()
            self._thread.wake()

    def __del__(self) -> None:
        self._thread.wake()  # it ends

    # --- the steps of a call, in order ---

    def begin(self, alias: str, run_id: UUID, parent_run_id: UUID | None) -> None:
        """Open a call for a LangChain run; the run's request, if there is one, belongs to it."""
        self._runs.begin(alias, run_id, parent_run_id)

    def awaits(self, run_id: UUID | None) -> bool:
        """Whether LangChain has announced a call for which no request has been sent."""
        return self._runs.awaits(run_id)

    def send(
        self,
        run_id: UUID | None,
        *,
        body: bytes,
        operation: str,
        model_id: str | None,
        region: str,
    ) -> Lease:
        """Enter the call of a request that is about to leave, and write its start mark.

        The mark makes a call whose process dies a gap with an id. Raises NotRecordedError if the mark
        cannot be written and the stanza requires an audit, or if this process is ending.
        """
        call = self._runs.take(run_id) or ModelCall()
        call.body, call.operation, call.model_id, call.region = body, operation, model_id, region
        call.alias = call.alias or next(iter(self._settings.aliases_for(model_id)), None)
        call.invocation_id = self._invocation.id
        if process_end.has_begun:
            raise NotRecordedError(
                "This process is ending after SIGTERM, so the call would have no record. Nothing was sent."
            )
        lease = Lease(call, self._thread.queue)
        call.started_at = datetime.now(UTC)
        self._book.send(call)
        mark = record.start_mark(call, self._settings, self._role.session_arn)
        self._thread.start()
        if self._marks.add(call, mark):
            self._thread.wake()
        try:
            self._delivery.write_mark(mark)
        except Exception:  # noqa: BLE001 - whatever the error, nothing has taken the mark
            if self._settings.audit == "required":
                self._marks.remove(call)
                self._book.withdraw(call)
                raise NotRecordedError(
                    "The start mark of this call could not be written because the function's own log "
                    "or the spool does not take it, and the stanza has audit = required. Nothing was sent."
                ) from None
        return lease

    def fail_before_request(self, run_id: UUID, error: BaseException) -> None:
        """Record a run that failed before its request; botocore's hooks record all others.

        The garbage collector may call this when it closes an abandoned generator of LangChain's, and
        the event loop when it cancels a task. Neither may wait, so the delivery thread records those.
        """
        call = self._runs.take(run_id)
        if call is None:
            return
        call.error = error
        call.invocation_id = self._invocation.id
        if isinstance(error, Exception):
            self.finish(call, "error")
        else:
            self._thread.queue.put(call)

    def finish(self, call: ModelCall, phase: Phase) -> None:
        """Deliver the record of a call that is over and keep its receipt.

        Raises NotRecordedError if CloudWatch did not acknowledge the record of an answer and the
        stanza requires an audit.
        """
        try:
            if self._book.end(call, phase):
                self._write([call], self._invocation.ends_at)
        except Exception as error:  # noqa: BLE001 - the answer has been paid for
            _report(error)
        finally:
            if call.stage in {Stage.ANSWERED, Stage.WRITING}:
                # An exception came in between, such as KeyboardInterrupt, or a sweep writes the record.
                self._thread.queue.put(call)
            self._close(call)
        if phase == "end" and self._settings.audit == "required":
            self._require_acknowledgement(call)

    def _require_acknowledgement(self, call: ModelCall) -> None:
        self._book.wait([call], min(self._invocation.ends_at, time.monotonic() + SIGTERM_SECONDS))
        if call.stage is not Stage.ACKNOWLEDGED:
            raise NotRecordedError(
                f"CloudWatch did not acknowledge record {call.record_id} "
                f"({OUTCOMES.get(call.stage, 'late')}), and the stanza has audit = required, so the "
                "answer is withheld. A spilled record is in the function's own log or the spool. "
                "Restore access to the record log group, then try again."
            )

    def receipt(self, run_id: UUID) -> Receipt | None:
        """The receipt of a LangChain run, if its record has been written; safe in a finalizer."""
        return self._runs.receipt(run_id)

    # --- calls whose end was not seen ---

    @contextmanager
    def during(self, invocation: Invocation) -> Iterator[None]:
        """Name the invocation in the block's records and leave no call open after it.

        Calls that are still open are recorded as incomplete at the end of the block, and shortly
        before Lambda ends the invocation. Calls that an earlier invocation left are recorded first.
        """
        self.sweep(min(time.monotonic() + SWEEP_SECONDS, invocation.ends_at - COPY_SECONDS))
        outer, self._invocation = self._invocation, invocation
        self._deadline.set(_sweep_time(invocation))
        try:
            yield
        finally:
            self._deadline.set(math.inf)
            self.sweep(invocation.ends_at - COPY_SECONDS)
            self._invocation = outer
            self._deadline.set(_sweep_time(outer))

    def sweep(self, until: float) -> None:
        """Record all open calls as incomplete, with what has arrived of their answers.

        Records that another thread is writing are copied at ``until``, in seconds of
        ``time.monotonic``, unless they have been acknowledged by then.
        """
        calls = self._book.open_calls()
        if not calls:
            return
        unseen = [call for call in calls if call.stage is Stage.SENT and self._end_unseen(call)]
        if until < math.inf and self._delivery.has_spool:
            self._copy_first(calls)
        self._write(unseen, until + COPY_SECONDS)
        if until == math.inf:  # nothing ends soon, and the other threads finish their records
            return
        for call in self._book.wait(calls, until):
            text = self._text(call)
            self._settle(call, text, self._delivery.copy(text, TimeoutError.__name__))

    def _copy_first(self, calls: Iterable[ModelCall]) -> None:
        """Spool the records before they are put, because the process may be killed meanwhile."""
        for call in [call for call in calls if call.stage in {Stage.ANSWERED, Stage.WRITING}]:
            self._delivery.copy(self._text(call), TimeoutError.__name__)
            if call.stage is Stage.ACKNOWLEDGED:  # by another thread, before the copy was there
                self._delivery.remove_copies(call.record_id)

    def deliver_later(self, call: ModelCall | None) -> float | None:
        """Record an abandoned call and put the start marks that are due; see DeliveryThread."""
        try:
            if call is not None:
                self._record_abandoned(call)
            self._delivery.put_marks(self._marks.take_due())
            self._delivery.put_copies(self._invocation.ends_at)
        except Exception as error:  # noqa: BLE001 - the thread goes on; the calls are still in the book
            _report(error)
        seconds = self._marks.seconds_to_next(), self._delivery.seconds_to_retry()
        return min((number for number in seconds if number is not None), default=None)

    def start_anew(self) -> None:
        """Leave all calls to the process that this one was forked from."""
        self._book.forget()
        self._runs = Runs()
        self._marks = StartMarks()
        self._thread = DeliveryThread(self)
        self._deadline = Deadline(self._sweep_before_the_end)
        for renew in self.renewals:
            renew()

    def _sweep_before_the_end(self) -> None:
        try:
            self.sweep(self._invocation.ends_at - COPY_SECONDS)
        except Exception as error:  # noqa: BLE001 - the thread serves the next invocation too
            _report(error)

    def _record_abandoned(self, call: ModelCall) -> None:
        """Record a call that nobody uses any more, in whatever stage it was left."""
        if call.stage is Stage.SENT:
            self._end_unseen(call)
        elif call.stage is Stage.BEGUN and call.error is not None:
            self._book.end(call, "error")
        if call.stage in {Stage.ANSWERED, Stage.WRITING}:
            self._write([call], self._invocation.ends_at)
        self._close(call)

    def _close(self, call: ModelCall) -> None:
        """Close a stream in this thread, so that the garbage collector need not."""
        source, call.source, call.http_response = call.source, None, None
        if source is not None:
            with suppress(Exception):  # the connection has gone already
                source.close()

    def _end_unseen(self, call: ModelCall) -> bool:
        """End a call whose end was not seen; a stream may have its whole answer."""
        is_complete = call.stream is not None and call.stream.is_complete
        return self._book.end(call, "end" if is_complete else "incomplete")

    def _write(self, calls: Sequence[ModelCall], ends_at: float) -> None:
        """Deliver the records of calls that are over; each is settled as soon as its outcome is known."""
        calls_by_id = {call.record_id: call for call in calls}
        texts = (self._text(call) for call in calls)
        for text, outcome in self._delivery.deliver(texts, ends_at):
            self._settle(calls_by_id[text.record_id], text, outcome)

    def _text(self, call: ModelCall) -> RecordText:
        """The record's text of this moment: LangChain changes an answer after it has received it."""
        if call.text is not None:
            return call.text
        phase = call.phase or "incomplete"
        text = record.write(call, phase, self._settings, self._role.session_arn)
        return self._book.write(call, text)

    def _settle(self, call: ModelCall, text: RecordText, outcome: Outcome) -> None:
        if not self._book.settle(call, text.phase, outcome):
            return
        if outcome == "lost":
            self._thread.wake()  # it puts the start mark
        else:
            self._marks.remove(call)
        if outcome == "delivered":
            self._delivery.remove_copies(call.record_id)
        call.receipt = Receipt(call.record_id, outcome, call.alias, call.usage())
        if call.run_id is not None:
            self._runs.keep(call.run_id, call.receipt)


def _sweep_time(invocation: Invocation) -> float:
    return invocation.ends_at - min(SWEEP_SECONDS, invocation.seconds_left() / 2)


def _report(error: Exception) -> None:
    """Log the class of an error; its message may quote a prompt."""
    with suppress(Exception):  # of a handler of the application's; the thread must go on
        _log.error("record.delivery_failed", extra={"error": type(error).__name__})
