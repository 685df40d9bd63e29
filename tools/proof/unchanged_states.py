"""Finds the states that are as they were applied, so that a change of one plans no others.

A customer account is unchanged if it was applied, what existed then was proved, nothing has written or locked its state
since, and the digest of its inputs is the same. A shard of the operations account is unchanged if the hand-overs of its
tenants are also those that its apply wrote. An operations account with one shard is always planned. What somebody
changed in AWS by hand is not seen: ALL=1 plans every state.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.tenant_shard import shard_of
from tools.proof.planned_handover import PlannedHandover
from tools.proof.saved_plan import sha256_of_json
from tools.proof.state_inputs import account_inputs, shard_inputs
from tools.terraform.parallel import map_in_parallel
from tools.terraform.state import OPERATIONS, OPERATIONS_ACCOUNT
from tools.terraform.state_bucket import HANDOVERS, PARALLEL_CALLS, handover_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tools.cli.session import Session
    from tools.terraform.state import State


def unchanged_shards(session: Session, states: Sequence[State]) -> list[State]:
    """Return those of the states that are whole shards of the operations account and as they were applied."""
    shards = [state for state in states if state.root == OPERATIONS and not state.targets]
    if not shards or session.environment.shards == 1:
        return []
    records = session.bucket.applied_records([state.key for state in shards])
    if not records:
        return []
    handovers = handovers_sha256(session, shards)
    inputs = shard_inputs(session)
    return [
        state
        for state in shards
        if state.key in records
        and records[state.key].get("handovers_sha256") == handovers[state.key]
        and records[state.key]["inputs_sha256"] == inputs.sha256(state)
    ]


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
    records = session.bucket.applied_records([state.key for state in customers])
    applied = [state for state in customers if state.key in records]
    tenants = dict.fromkeys(state.variables["tenant"] for state in applied)
    handovers = _written_handovers(session, tenants) if planned is None else _known(planned)
    inputs = account_inputs(session)
    return [
        state
        for state in applied
        if (handover := handovers.get(state.variables["tenant"])) is not None
        and inputs.sha256(state, handover) == records[state.key]["inputs_sha256"]
    ]


def handovers_sha256(session: Session, shards: Sequence[State]) -> dict[str, str]:
    """Return a digest of the ETags of the hand-overs of each shard's tenants, by the key of the shard's state."""
    etags = session.bucket.etags(HANDOVERS)
    by_shard: dict[int, dict[str, str | None]] = {}
    for tenant in session.environment.stanzas:
        of_shard = by_shard.setdefault(shard_of(tenant, session.environment.shards), {})
        of_shard[tenant] = etags.get(handover_key(tenant))
    return {state.key: sha256_of_json(by_shard.get(state.shard or 0, {})) for state in shards}


def handovers_of_shards(
    session: Session, shards: Sequence[State], customers: Sequence[State]
) -> dict[str, PlannedHandover]:
    """Return what shards without a plan have handed over to the tenants of these customer accounts."""
    numbers, count = {state.shard for state in shards}, session.environment.shards
    tenants = dict.fromkeys(state.variables["tenant"] for state in customers)
    handovers = _written_handovers(
        session, [name for name in tenants if shard_of(name, count) in numbers]
    )
    return {tenant: PlannedHandover(handover) for tenant, handover in handovers.items()}


def _written_handovers(session: Session, tenants: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the hand-overs in the state bucket; a tenant without one fails when its accounts are planned."""
    handovers = {}

    def read(tenant: str) -> None:
        with suppress(CommandError):
            handovers[tenant] = session.bucket.handover(tenant)

    map_in_parallel(read, list(tenants), PARALLEL_CALLS)
    return handovers


def without(states: Sequence[State], others: Sequence[State]) -> list[State]:
    """Return the states that are not among ``others``, in order."""
    keys = {state.key for state in others}
    return [state for state in states if state.key not in keys]


def count_sentence(labels: Collection[str]) -> str:
    """Return the line about the unchanged states of these labels, of which there is at least one."""
    shards = sum(label.startswith(OPERATIONS_ACCOUNT) for label in labels)
    accounts = len(labels) - shards
    counts = []
    if shards:
        counts.append(f"{shards:,} shard{'' if shards == 1 else 's'} of the operations account")
    if accounts:
        counts.append(f"{accounts:,} account{'' if accounts == 1 else 's'}")
    subject = " and ".join(counts)
    if len(labels) == 1:
        return f"{subject} is as it was applied; ALL=1 plans it too."
    return f"{subject} are as they were applied; ALL=1 plans them too."


def _known(planned: Mapping[str, PlannedHandover]) -> dict[str, dict[str, Any]]:
    return {name: handover.content for name, handover in planned.items() if not handover.unknown}
