"""The Lambda invocation that the process is serving: its id and its remaining time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol, Self

RESERVE_SECONDS = 2  # before Lambda ends the function: to record a failed call and report it


class LambdaContext(Protocol):
    """The part of Lambda's context object that this package uses.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


@dataclass(frozen=True)
class Invocation:
    """An invocation, or by default none; its times are in seconds of ``time.monotonic``.

    Lambda ends it at ``ends_at``. Requests are given up at ``answer_by``, two seconds before, or
    after half of the time if less than four seconds were left at its start.
    """

    id: str | None = None
    ends_at: float = math.inf
    answer_by: float = math.inf

    @classmethod
    def from_context(cls, context: LambdaContext | None) -> Self:
        """The invocation of ``context``; without a context it has no id and no end."""
        if context is None:
            return cls()
        seconds = context.get_remaining_time_in_millis() / 1000
        ends_at = time.monotonic() + seconds
        return cls(context.aws_request_id, ends_at, ends_at - min(RESERVE_SECONDS, seconds / 2))

    def seconds_left(self) -> float:
        """Seconds until the invocation ends; infinite outside of one."""
        return self.ends_at - time.monotonic()

    def seconds_to_answer(self) -> float:
        """Seconds until requests are given up; infinite outside of an invocation."""
        return self.answer_by - time.monotonic()

    @property
    def least_seconds(self) -> float:
        """The least time for a request: half of the reserve, so one second; 0 outside of an invocation.

        With less, a model would be paid for an answer that nobody waits for.
        """
        return 0 if self.ends_at == math.inf else (self.ends_at - self.answer_by) / 2

    def has_time(self, requests: int = 1) -> bool:
        """Whether this many requests, one after the other, may still be sent."""
        return self.seconds_to_answer() >= requests * self.least_seconds
