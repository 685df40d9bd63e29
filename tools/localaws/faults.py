"""Scripted faults: throttles, slow responses and broken connections."""

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
    """A fault, the calls that it affects, and how often it occurs.

    ``service`` and ``operation`` are botocore's names (``logs``, ``PutLogEvents``), ``*`` matches any;
    ``account`` is the caller's. The first ``skip`` matching calls pass, the next ``times`` fail.
    A fault waits ``delay_seconds``, then fails the call with ``code`` (if it is set) or breaks the
    connection: ``before`` the call is served, or ``after`` (served, but the response is lost).
    Two kinds are applied by the service: Bedrock breaks a stream as ``stream`` says, and CloudWatch
    Logs answers PutLogEvents with ``rejected`` as the ``rejectedLogEventsInfo`` and stores the
    other events.
    """

    service: str = "*"
    operation: str = "*"
    account: str | None = None
    skip: int = 0
    times: int = 1
    delay_seconds: float = 0.0
    code: str | None = None
    message: str = "A scripted fault failed this call."
    status: int = 400
    drop: Literal["before", "after"] | None = None
    stream: Mapping[str, Any] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """The kind, which decides who applies the fault: the pipeline (``call``) or a service."""
        return "stream" if self.stream else "rejected" if self.rejected else "call"

    def matches(self, call: Call) -> bool:
        """Whether this fault affects ``call``."""
        return (
            self.service in ("*", call.service)
            and self.operation in ("*", call.operation)
            and self.account in (None, call.account)
        )


@dataclass
class _Scripted:
    fault: Fault
    matches: int = 0

    def take(self) -> bool:
        self.matches += 1
        number = self.matches - self.fault.skip
        return number > 0 and (self.fault.times == FOREVER or number <= self.fault.times)


class Faults:
    """The script: at most one fault affects a call, the oldest that still applies."""

    def __init__(self) -> None:
        self._script: list[_Scripted] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add a fault to the end of the script."""
        with self._lock:
            self._script.append(_Scripted(fault))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._script.clear()

    def take(self, call: Call, kind: Kind = "call") -> Fault | None:
        """Return the fault that affects this call, and count it as used."""
        with self._lock:
            for scripted in self._script:
                fault = scripted.fault
                if fault.kind == kind and fault.matches(call) and scripted.take():
                    return fault
        return None
