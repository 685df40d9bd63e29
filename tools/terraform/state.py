"""The Terraform states of an environment: the shards of the operations account, one per customer account."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tools.environment.model import CustomerAccount
from tools.environment.tenant_shard import shard_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.environment.model import Environment


# They tell the guard the limits of a shard's tenants, and where their calls may run.
SCHEDULES = ("aws_scheduler_schedule.quotas", "aws_scheduler_schedule.verification")

CUSTOMER = "customer"  # the root of a customer account
OPERATIONS = "operations"  # the root of the operations account
OPERATIONS_ACCOUNT = (
    "operations account"  # the label of its state, or the beginning of the label of each shard
)

_CUSTOMER_KEY = re.compile(r"customers/([^/]+)/(\d{12})\.tfstate")
_SHARD_KEY = re.compile(rf"{OPERATIONS}(?:-([1-9]\d*))?\.tfstate")
_ROLE_MODULE = re.compile(r'module\.operations_role\["([^"]+)"\]')


@dataclass(frozen=True)
class State:
    """One Terraform state: its root, its key in the backend, and the variables that select it."""

    root: str
    key: str
    label: str
    variables: dict[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    tenant: str | None = None  # the only tenant that it is about; None for all of them
    shard: int | None = None  # of the operations account; None for a customer account

    def limited_to(self, addresses: Iterable[str]) -> State:
        """Return the same state, limited to some of its resources."""
        return replace(self, targets=tuple(addresses))


def operations_states(environment: Environment, tenant: str | None = None) -> list[State]:
    """Return the states of the operations account: of all shards, or a tenant's own, limited to its role.

    With the role comes what the guard knows of its shard's tenants.
    """
    shards = range(environment.shards)
    if tenant is None:
        return [operations_state(shard, environment.shards) for shard in shards]
    state = operations_state(shard_of(tenant, environment.shards), environment.shards)
    targets = (role_module(tenant), *(SCHEDULES if environment.has_guard else ()))
    return [replace(state, targets=targets, tenant=tenant)]


def role_module(tenant: str) -> str:
    """Return the address of the module that holds a tenant's resources in the operations account."""
    return f'module.operations_role["{tenant}"]'


def tenant_of_address(address: str) -> str | None:
    """Return the tenant of a module or a resource in the operations account; None for any other address."""
    match = _ROLE_MODULE.match(address)
    return match[1] if match else None


def shard_key(shard: int) -> str:
    """Return the key of a shard's state in the backend; the first has the name that it had alone."""
    return f"{OPERATIONS}-{shard}.tfstate" if shard else f"{OPERATIONS}.tfstate"


def shard_of_key(key: str) -> int | None:
    """Return the shard of a state's key, also beyond the present number; None for the key of something else."""
    match = _SHARD_KEY.fullmatch(key)
    return int(match[1] or 0) if match else None


def account_of_key(environment: Environment, key: str) -> CustomerAccount | None:
    """Return the account that a state's key names; in the operations Region, if it has no stanza."""
    match = _CUSTOMER_KEY.fullmatch(key)
    if match is None:
        return None
    for account in environment.accounts:
        if (account.tenant, account.account_id) == match.groups():
            return account
    return CustomerAccount(match[1], match[2], environment.operations_region)


def operations_state(shard: int, shards: int) -> State:
    """Return the state of one shard of the operations account."""
    label = OPERATIONS_ACCOUNT if shards == 1 else f"{OPERATIONS_ACCOUNT}, shard {shard}"
    return State(OPERATIONS, shard_key(shard), label, {"shard": str(shard)}, shard=shard)


def state_of_key(environment: Environment, key: str) -> State | None:
    """Return the state of a key, also without a stanza or beyond the present number of shards; None for others."""
    if (shard := shard_of_key(key)) is not None:
        return operations_state(shard, max(environment.shards, shard + 1))
    account = account_of_key(environment, key)
    return customer_state(account) if account is not None else None


def customer_state(account: CustomerAccount) -> State:
    """Return the state of one customer account."""
    return State(
        CUSTOMER,
        f"customers/{account.name}.tfstate",
        f"{account.tenant} {account.account_id}",
        {"account_id": account.account_id, "tenant": account.tenant},
        tenant=account.tenant,
    )
