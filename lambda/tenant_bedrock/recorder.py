"""Keeps the books of one connection: a start mark and one record for every model call."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from tenant_bedrock import record
from tenant_bedrock.delivery import Receipt
from tenant_bedrock.record import ModelCall

if TYPE_CHECKING:
    import logging
    from uuid import UUID

    from tenant_bedrock.delivery import Delivery
    from tenant_bedrock.record import Phase
    from tenant_bedrock.session import OperationsRole
    from tenant_bedrock.settings import Settings

_RECEIPTS_KEPT = 1_000


class Recorder:
    """Writes down model calls and remembers the receipts of the last thousand LangChain runs."""

    def __init__(
        self, settings: Settings, role: OperationsRole, delivery: Delivery, log: logging.Logger
    ) -> None:
        self._settings = settings
        self._role = role
        self._delivery = delivery
        self._log = log
        self._open: dict[UUID, ModelCall] = {}
        self._receipts: OrderedDict[UUID, Receipt] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, alias: str, run_id: UUID) -> ModelCall:
        """Open a LangChain run; it stays open until its record is written."""
        call = ModelCall(alias=alias, run_id=run_id)
        with self._lock:
            self._open[run_id] = call
        return call

    def sending(self, call: ModelCall) -> None:
        """Say that a request is about to leave: if the process dies now, the gap has a name.

        The mark holds no content, only the size and the SHA-256 of the request body.
        """
        call.sent = True
        call.alias = call.alias or next(iter(self._settings.aliases_of(call.model_id)), None)
        self._log.info(
            "record.start",
            extra={
                "recordId": call.record_id,
                "alias": call.alias,
                "modelId": call.model_id,
                "region": call.region,
                "operation": call.operation,
                "bytes": len(call.body),
                "sha256": hashlib.sha256(call.body).hexdigest(),
            },
        )

    def failed_unsent(self, run_id: UUID, error: BaseException) -> None:
        """Record a run that failed before its request left; the wire has recorded all others."""
        with self._lock:
            call = self._open.get(run_id)
        if call is not None and not call.sent:
            call.error = error
            self.finish(call, "error")

    def finish(self, call: ModelCall, phase: Phase) -> Receipt:
        """Deliver the record of a call that is over and keep its receipt."""
        call.over = True
        written = record.build(call, phase, self._settings, self._role.session_arn)
        delivery = self._delivery.deliver(written)
        receipt = Receipt(call.record_id, delivery, call.alias, call.usage())
        if call.run_id is not None:
            with self._lock:
                self._open.pop(call.run_id, None)
                self._receipts[call.run_id] = receipt
                while len(self._receipts) > _RECEIPTS_KEPT:
                    self._receipts.popitem(last=False)
        return receipt

    def receipt(self, run_id: UUID) -> Receipt | None:
        """The receipt of a LangChain run, if its record has been written."""
        with self._lock:
            return self._receipts.get(run_id)
