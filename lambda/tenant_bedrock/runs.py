"""The LangChain runs of one connection: the call that each has begun, and its receipt."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID
from weakref import WeakKeyDictionary

from tenant_bedrock.model_call import ModelCall

if TYPE_CHECKING:
    from tenant_bedrock.delivery import Receipt

RECENT_RECEIPTS = 1_000


@dataclass
class _Run:
    call: ModelCall | None
    receipt: Receipt | None = None


class Runs:
    """All runs that LangChain holds, and the receipts of the last 1,000 calls.

    LangChain begins all runs of ``generate`` and ``abatch`` before the first is sent, and reports those
    of ``generate`` only after the last has been answered, so no number limits them. LangChain's run
    manager holds the UUID object that the callbacks receive; when it is gone, the run has ended or
    was abandoned, and its entry goes with it. A call must not refer to that object, which it would
    keep alive, so it gets an equal one.

    The garbage collector may call ``take`` and ``receipt`` in a thread that holds the lock, so they do
    not take it.
    """

    def __init__(self) -> None:
        self._live: WeakKeyDictionary[UUID, _Run] = WeakKeyDictionary()
        self._recent: OrderedDict[UUID, Receipt] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, alias: str, run_id: UUID, parent_run_id: UUID | None) -> None:
        """Open a call for a run, in place of an earlier run with the same id."""
        call = ModelCall(alias=alias, run_id=UUID(int=run_id.int), parent_run_id=parent_run_id)
        self._live.pop(run_id, None)  # otherwise the earlier run's UUID object would stay the key
        self._live[run_id] = _Run(call)

    def awaits(self, run_id: UUID | None) -> bool:
        """Whether the run has begun a call that has not been taken."""
        run = self._live.get(run_id) if run_id else None
        return run is not None and run.call is not None

    def take(self, run_id: UUID | None) -> ModelCall | None:
        """The call that the run has begun, once; None if it has been taken or was never begun."""
        run = self._live.get(run_id) if run_id else None
        if run is None:
            return None
        call, run.call = run.call, None
        return call

    def keep(self, run_id: UUID, receipt: Receipt) -> None:
        """Keep the receipt of a run's call."""
        run = self._live.get(run_id)
        if run is not None:
            run.receipt = receipt
        with self._lock:
            self._recent[run_id] = receipt
            self._recent.move_to_end(run_id)
            while len(self._recent) > RECENT_RECEIPTS:
                self._recent.popitem(last=False)

    def receipt(self, run_id: UUID) -> Receipt | None:
        """The receipt of a run that LangChain holds, or of one of the last 1,000 calls."""
        run = self._live.get(run_id)
        if run is not None and run.receipt is not None:
            return run.receipt
        return self._recent.get(run_id)
