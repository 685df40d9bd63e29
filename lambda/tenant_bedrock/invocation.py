"""The invocation that a process is serving: its name in the records, and the time that it has left."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol, Self


class LambdaContext(Protocol):
    """What is used of the object that Lambda hands to a handler.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


@dataclass(frozen=True)
class Invocation:
    """``ends_at`` is on the clock of ``time.monotonic``, in seconds."""

    id: str | None = None
    ends_at: float = math.inf

    @classmethod
    def of(cls, context: LambdaContext | None) -> Self:
        """The invocation that ``context`` belongs to; None has no name and no end."""
        if context is None:
            return cls()
        seconds = context.get_remaining_time_in_millis() / 1000
        return cls(context.aws_request_id, time.monotonic() + seconds)

    def seconds_left(self) -> float:
        """Seconds until the invocation ends; infinite outside one."""
        return self.ends_at - time.monotonic()
