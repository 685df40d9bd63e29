"""Moves tenants between the shards of the operations state after operations.shards has changed. No role is touched.

Every shard's state gets what belongs to it before any state loses what does not, so nothing is lost when the move is
interrupted: a tenant may then be in two states. No shard is planned until the same command has finished the move.
"""

from __future__ import annotations

import copy
import json
import tempfile
import uuid
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.tenant_shard import shard_of
from tools.terraform.state import operations_state, shard_key, shard_of_key, tenant_of_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.environment.model import Environment
    from tools.terraform.runner import Terraform
    from tools.terraform.state_bucket import StateBucket

StateFile = dict[str, Any]  # a state as Terraform stores it

NAMED = 3  # tenants in a sentence
# The outputs, or parts of one, that have an entry for each tenant: environments/operations/outputs.tf.
_OUTPUTS = (("handover",), ("quotas",), ("capacity", "policy_sizes"))


def misplaced_tenants(environment: Environment, states: Mapping[int, StateFile]) -> dict[str, int]:
    """Return the tenants that are in another shard's state than their own, and the shard of that state."""
    return {
        tenant: shard
        for shard, state in states.items()
        for tenant in sorted(tenants_in(state))
        if shard_of(tenant, environment.shards) != shard
    }


def refuse_misplaced(environment: Environment, misplaced: Mapping[str, int]) -> None:
    """Raise CommandError if a tenant is in another shard's state, whose plan would destroy its role.

    ``misplaced`` is what `misplaced_tenants` returns.
    """
    if not misplaced:
        return
    tenants = [
        f"{tenant} in shard {shard} instead of {shard_of(tenant, environment.shards)}"
        for tenant, shard in list(misplaced.items())[:NAMED]
    ]
    more = [f"{len(misplaced) - NAMED} more"] if len(misplaced) > NAMED else []
    raise CommandError(
        f"operations.shards is {environment.shards}, but the states do not fit it: {', '.join([*tenants, *more])}. "
        f"A plan would destroy their roles and create them again. Run `make shards ENV={environment.name}`, which "
        "moves the tenants between the states and touches no role."
    )


def move_tenants(terraform: Terraform) -> dict[str, tuple[int, int]]:
    """Move every tenant into its own shard's state, and return from which shard to which each went.

    Raises CommandError if a state is locked, is of another format, or changes during the move.
    """
    environment, bucket = terraform.environment, terraform.bucket
    states = read_shards(bucket)
    moves = {
        tenant: (shard, shard_of(tenant, environment.shards))
        for tenant, shard in misplaced_tenants(environment, states).items()
    }
    for shard in sorted({shard for move in moves.values() for shard in move}):
        _check_lock(environment, bucket, shard)
    incoming: defaultdict[int, list[str]] = defaultdict(list)
    outgoing: defaultdict[int, list[str]] = defaultdict(list)
    for tenant, (source, destination) in moves.items():
        incoming[destination].append(tenant)
        outgoing[source].append(tenant)
    for shard, tenants in sorted(incoming.items()):
        template = states[moves[tenants[0]][0]]
        state = states.get(shard) or new_state(template)
        for tenant in tenants:
            add(state, states[moves[tenant][0]], tenant)
        states[shard] = _push(terraform, shard, state)
    for shard in range(
        environment.shards
    ):  # so that a plan of a shard without tenants has no changes
        if states and shard not in states:
            states[shard] = _push(terraform, shard, new_state(next(iter(states.values()))))
    for shard, tenants in sorted(outgoing.items()):
        remove(states[shard], tenants)
        states[shard] = _push(terraform, shard, states[shard])
    return moves


def read_shards(bucket: StateBucket) -> dict[int, StateFile]:
    """Return the state of every shard that has one, also of shards beyond the present number."""
    states = {}
    for key in bucket.keys(shard_key(0).removesuffix(".tfstate")):
        if (shard := shard_of_key(key)) is not None:
            states[shard] = dict(bucket.state(key).json)
    return states


def tenants_in(state: StateFile) -> set[str]:
    """Return the tenants of which a state has a resource or an output."""
    resources = state.get("resources") or ()
    tenants = {tenant for item in resources if (tenant := _tenant_of(item)) is not None}
    return tenants.union(*(values for values, _ in _entries(state)))


def add(state: StateFile, source: StateFile, tenant: str) -> None:
    """Copy a tenant's resources and outputs, unless an interrupted move has done so."""
    if tenant in tenants_in(state):
        return
    state["resources"] += copy.deepcopy(
        [item for item in source["resources"] if _is_of(item, {tenant})]
    )
    for (values, types), (source_values, source_types) in zip(
        _entries(state), _entries(source), strict=True
    ):
        if tenant in source_values:
            values[tenant] = copy.deepcopy(source_values[tenant])
            types[tenant] = copy.deepcopy(source_types[tenant])


def remove(state: StateFile, tenants: Iterable[str]) -> None:
    """Remove tenants' resources and outputs."""
    names = set(tenants)
    state["resources"] = [item for item in state["resources"] if not _is_of(item, names)]
    for values, types in _entries(state):
        for name in names & values.keys():
            del values[name], types[name]


def new_state(template: StateFile) -> StateFile:
    """Return a state with what is the same in every shard, for a shard that has none.

    Each shard has a schedule of its own, and the first alone has what exists once.
    """
    state = copy.deepcopy(template)
    remove(state, tenants_in(state))
    state["resources"] = [item for item in state["resources"] if item["mode"] == "data"]
    return {**state, "lineage": str(uuid.uuid4()), "serial": 0}


def _is_of(resource: Mapping[str, Any], tenants: set[str]) -> bool:
    return _tenant_of(resource) in tenants


def _tenant_of(resource: Mapping[str, Any]) -> str | None:
    return tenant_of_address(resource.get("module") or "")


def _entries(state: StateFile) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the values and the types of each part of the outputs that has an entry for each tenant."""
    for name, *path in _OUTPUTS:
        output = (state.get("outputs") or {}).get(name) or {}
        value, type_ = output.get("value"), output.get("type")
        for part in path:
            value, type_ = (value or {}).get(part), _members(type_).get(part)
        yield {} if value is None else value, _members(type_)


def _members(type_: list[Any] | None) -> dict[str, Any]:
    """Return the types of an object's attributes; a state has an object's type as ["object", {...}]."""
    members: dict[str, Any] = type_[1] if type_ else {}
    return members


def _push(terraform: Terraform, shard: int, state: StateFile) -> StateFile:
    pushed = {**state, "serial": state["serial"] + 1}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state"  # it holds ExternalIds, and the folder is the user's alone
        file.write_text(json.dumps(pushed))
        terraform.push_state(operations_state(shard, terraform.environment.shards), file)
    return pushed


def _check_lock(environment: Environment, bucket: StateBucket, shard: int) -> None:
    """Raise CommandError if somebody works on a state; Terraform checks it once more when it stores the state.

    https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
    """
    for lock in bucket.locks([shard_key(shard)]):
        raise CommandError(
            f"The state {lock.key} is locked by {lock}. Nothing was moved. Wait until that command ends; if it was "
            f"killed, run `make unlock ENV={environment.name}`. Then run `make shards ENV={environment.name}` again."
        )
