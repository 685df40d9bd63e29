"""The Lambda invocation that the process is serving: its id and its remaining time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol, Self


class LambdaContext(Protocol):
    """The part of Lambda's context object that this package uses.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


@dataclass(frozen=True)
class Invocation:
    """An invocation, or by default none; ``ends_at`` is in seconds of ``time.monotonic``."""

    id: str | None = None
    ends_at: float = math.inf

    @classmethod
    def from_context(cls, context: LambdaContext | None) -> Self:
        """The invocation of ``context``; without a context it has no id and no end."""
        if context is None:
            return cls()
        seconds = context.get_remaining_time_in_millis() / 1000
        return cls(context.aws_request_id, time.monotonic() + seconds)

    def seconds_left(self) -> float:
        """Seconds until the invocation ends; infinite outside of one."""
        return self.ends_at - time.monotonic()
