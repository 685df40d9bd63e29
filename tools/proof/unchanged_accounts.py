"""Finds the customer accounts that are as they were applied, so that a change of one plans no others.

An account is unchanged if it was applied, what existed then was proved, nothing has written or locked its state since,
and the digest of its inputs is the same. What somebody changed in AWS by hand is not seen: ALL=1 plans every account.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.proof.account_inputs import account_inputs
from tools.terraform.parallel import map_in_parallel
from tools.terraform.state import OPERATIONS
from tools.terraform.state_bucket import PARALLEL_CALLS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.cli.session import Session
    from tools.proof.planned_handover import PlannedHandover
    from tools.terraform.state import State


def unchanged_accounts(
    session: Session, states: Sequence[State], planned: Mapping[str, PlannedHandover] | None = None
) -> list[State]:
    """Return those of the states whose accounts are as they were applied.

    They are compared with the hand-overs that an operations plan will write or, without ``planned``, with those in
    the state bucket. A hand-over that is not known or not there leaves its accounts out.
    """
    customers = [state for state in states if state.root != OPERATIONS]
    if not customers:
        return []
    digests = session.bucket.applied_digests([state.key for state in customers])
    applied = [state for state in customers if state.key in digests]
    tenants = list(dict.fromkeys(state.variables["tenant"] for state in applied))
    handovers = _written(session, tenants) if planned is None else _known(planned)
    inputs = account_inputs(session)
    return [
        state
        for state in applied
        if (handover := handovers.get(state.variables["tenant"])) is not None
        and inputs.sha256(state, handover) == digests[state.key]
    ]


def without(states: Sequence[State], others: Sequence[State]) -> list[State]:
    """Return the states that are not among ``others``, in order."""
    keys = {state.key for state in others}
    return [state for state in states if state.key not in keys]


def count_sentence(count: int) -> str:
    """Return the line about ``count`` unchanged accounts, of at least one."""
    if count == 1:
        return "1 account is as it was applied; ALL=1 plans it too."
    return f"{count:,} accounts are as they were applied; ALL=1 plans them too."


def _known(planned: Mapping[str, PlannedHandover]) -> dict[str, dict[str, Any]]:
    return {name: handover.content for name, handover in planned.items() if not handover.unknown}


def _written(session: Session, tenants: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the hand-overs in the state bucket; a tenant without one fails when its accounts are planned."""
    handovers = {}

    def read(tenant: str) -> None:
        with suppress(CommandError):
            handovers[tenant] = session.bucket.handover(tenant)

    map_in_parallel(read, tenants, PARALLEL_CALLS)
    return handovers
