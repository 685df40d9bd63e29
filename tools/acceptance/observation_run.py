"""Makes the checks one after the other, and removes whatever they made, however they end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.acceptance.observation import Check, Outcome, unknown
from tools.acceptance.sandbox import UNOBSERVED
from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.acceptance.sandbox import Sandbox

# What no operation of AWS deletes one by one; nothing else remains.
REMAINING = (
    "the record of one call through the function, in the tenant's record log group, until its retention ends",
    "the function's own log of that call",
    "the counts of the calls in CloudWatch, and the events of the run in CloudTrail, which hold no prompt",
    "the list of deleted roles in IAM's last-accessed data",
)


@dataclass(frozen=True)
class Report:
    """Everything that a run has seen; ``left`` are sentences about what could not be removed."""

    environment: str
    tenant: str
    account: str
    alias: str
    region: str
    started: datetime
    outcomes: tuple[Outcome, ...]
    left: tuple[str, ...]
    calls: int
    input_tokens: int
    output_tokens: int

    def count(self, result: str) -> int:
        """Return how many checks had a result."""
        return sum(outcome.observation.result == result for outcome in self.outcomes)


def make_checks(
    sandbox: Sandbox, checks: Sequence[Check], progress: Callable[[str], None]
) -> Report:
    """Make every check, and return the report; CommandError if an earlier run has left what cannot be removed."""
    cleanup = sandbox.cleanup()
    if left := cleanup.remove_all():
        raise CommandError(
            "An earlier run has left something that cannot be removed, so no new one begins. "
            + " ".join(left)
        )
    started = datetime.now(UTC)
    outcomes: list[Outcome] = []
    try:
        for number, check in enumerate(checks, 1):
            progress(f"{number}/{len(checks)} {check.group}: {check.name}")
            outcomes.append(_outcome(sandbox, check))
    finally:
        progress("Removing what the run has made")
        left = cleanup.remove_all()
        for sentence in left:
            progress(sentence)
    return Report(
        environment=sandbox.environment.name,
        tenant=sandbox.tenant,
        account=sandbox.account.account_id,
        alias=sandbox.alias,
        region=sandbox.region,
        started=started,
        outcomes=tuple(outcomes),
        left=tuple(left),
        calls=sandbox.budget.calls,
        input_tokens=sandbox.budget.input_tokens,
        output_tokens=sandbox.budget.output_tokens,
    )


def _outcome(sandbox: Sandbox, check: Check) -> Outcome:
    started = sandbox.clock.now()
    try:
        observation = check.observe(sandbox)
    except UNOBSERVED as error:
        observation = unknown(sandbox.without_secrets(" ".join(str(error).split())))
    return Outcome(check, observation, round(sandbox.clock.now() - started, 1))
