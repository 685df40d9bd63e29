"""The Terraform states of an environment: one in the operations account, one per customer account."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.environment.model import CustomerAccount


OPERATIONS = "operations"  # the root of the operations account


@dataclass(frozen=True)
class State:
    """One Terraform state: its root, its key in the backend, and the variables that select it."""

    root: str
    key: str
    label: str
    variables: dict[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    tenant: str | None = None  # the only tenant that it is about; None for all of them

    def limited_to(self, addresses: Iterable[str]) -> State:
        """Return the same state, limited to some of its resources."""
        return replace(self, targets=tuple(addresses))


def operations_state(tenant: str | None = None) -> State:
    """Return the operations account's state, limited to one tenant's role when a tenant is named."""
    targets = (f'module.operations_role["{tenant}"]',) if tenant else ()
    return State(
        OPERATIONS, "operations.tfstate", "operations account", targets=targets, tenant=tenant
    )


def customer_state(account: CustomerAccount) -> State:
    """Return the state of one customer account."""
    return State(
        "customer",
        f"customers/{account.name}.tfstate",
        f"{account.tenant} {account.account_id}",
        {"account_id": account.account_id, "tenant": account.tenant},
        tenant=account.tenant,
    )
