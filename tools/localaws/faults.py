"""Scripted faults: throttles, slow answers and broken connections, a set number of times."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call

Kind = Literal["call", "rejected", "stream"]

FOREVER = 0  # Fault.times: until the faults are cleared


@dataclass(frozen=True)
class Fault:
    """What goes wrong, for which calls, how often.

    ``service`` and ``operation`` are botocore's names (``logs``, ``PutLogEvents``), ``*`` is any;
    ``account`` is the caller's. The first ``skip`` matching calls pass, the next ``times`` fail.
    A fault waits ``delay_seconds``, then refuses with ``code`` (if one is given) or breaks the
    connection: ``before`` the call is done, or ``after`` it (done, but the answer is lost).
    Two kinds are read by the service that answers, in its own words: ``stream`` by the one that
    streams (Bedrock), and ``rejected`` by CloudWatch Logs, which then answers PutLogEvents with
    this ``rejectedLogEventsInfo`` and keeps the other events.
    """

    service: str = "*"
    operation: str = "*"
    account: str | None = None
    skip: int = 0
    times: int = 1
    delay_seconds: float = 0.0
    code: str | None = None
    message: str = "The local AWS was told to refuse this call."
    status: int = 400
    drop: Literal["before", "after"] | None = None
    stream: Mapping[str, Any] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """Who applies it."""
        return "stream" if self.stream else "rejected" if self.rejected else "call"

    def matches(self, call: Call) -> bool:
        """Whether this fault is meant for ``call``."""
        return (
            self.service in ("*", call.service)
            and self.operation in ("*", call.operation)
            and self.account in (None, call.account)
        )


@dataclass
class _Scripted:
    fault: Fault
    seen: int = 0

    def take(self) -> bool:
        self.seen += 1
        past = self.seen - self.fault.skip
        return past > 0 and (self.fault.times == FOREVER or past <= self.fault.times)


class Faults:
    """The script: each call takes at most one fault, the oldest that still applies."""

    def __init__(self) -> None:
        self._script: list[_Scripted] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add a fault to the end of the script."""
        with self._lock:
            self._script.append(_Scripted(fault))

    def clear(self) -> None:
        """Forget the script."""
        with self._lock:
            self._script.clear()

    def take(self, call: Call, kind: Kind = "call") -> Fault | None:
        """The fault for this call, used up by asking.

        The pipeline asks for those of the ``call`` itself, and applies them; a service for its own.
        """
        with self._lock:
            for scripted in self._script:
                fault = scripted.fault
                if fault.kind == kind and fault.matches(call) and scripted.take():
                    return fault
        return None
