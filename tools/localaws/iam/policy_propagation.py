"""The time that IAM takes until a policy that was attached or detached has its effect everywhere.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.localaws.clock import Clock

_Arns = tuple[str, ...]


class PolicyPropagation:
    """What is attached to a role for those who ask ``delay`` later; no delay by default."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.delay = timedelta()
        self._before: dict[str, list[tuple[datetime, _Arns]]] = defaultdict(list)

    def changes(self, role: Any) -> None:  # noqa: ANN401 - moto's role
        """Note what is attached to a role just before a change of it."""
        with self._lock:
            self._before[role.id].append((self._clock.now(), tuple(role.managed_policies)))

    def attached(self, owner: Any, policies: Any) -> list[Any]:  # noqa: ANN401 - moto's objects
        """Return the managed policies that have an effect now; ``policies`` are the account's, by ARN."""
        since = self._clock.now() - self.delay
        with self._lock:
            arns = next(
                (arns for time, arns in self._before.get(owner.id, ()) if time > since),
                tuple(owner.managed_policies),
            )
        return [policies[arn] for arn in arns if arn in policies]
