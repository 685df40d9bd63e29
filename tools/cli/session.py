"""An opened environment: its data, the AWS it is on, and Terraform in its states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.cli.console import progress, warn
from tools.cli.targets import target_of
from tools.command_error import CommandError
from tools.environment.model import load_environment, load_tenant
from tools.packaging.build import build_guard
from tools.paths import WORK
from tools.terraform.runner import Terraform
from tools.terraform.state import OPERATIONS, customer_state, operations_states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount, Environment
    from tools.terraform.state import State
    from tools.terraform.state_bucket import StateBucket


@dataclass(frozen=True)
class Session:
    """What a command needs of one environment."""

    environment: Environment
    target: Target
    terraform: Terraform
    bucket: StateBucket

    def operations_states(self, tenant: str | None = None) -> list[State]:
        """Return the states of the operations account: of all shards, or a tenant's own, limited to its role."""
        return operations_states(self.environment, tenant)

    def customer_states(self, tenant: str | None = None) -> list[State]:
        """Return the states of one tenant's customer accounts, or of all, without self-managed ones."""
        return managed_states(self.environment, self.environment.accounts_of(tenant))

    def selected_states(
        self, tenant: str | None, part: str | None
    ) -> tuple[list[State], list[State]]:
        """Return the states of the operations account and of customer accounts: all, or those of a tenant or a part.

        Raises CommandError for both a tenant and a part, and for a part that names nothing.
        """
        refuse_tenant_beside_part(tenant, part)
        if part is None:
            return self.operations_states(tenant), self.customer_states(tenant)
        states = part_states(self.environment, part)
        operations = [state for state in states if state.root == OPERATIONS]
        return operations, [state for state in states if state.root != OPERATIONS]


def managed_states(environment: Environment, accounts: Iterable[CustomerAccount]) -> list[State]:
    """Return the states of the accounts that the operator manages, and name the others on stderr."""
    states = []
    for account in accounts:
        if environment.is_self_managed(account):
            warn(
                f"{account.tenant} {account.account_id} is managed by its customer and is left out; "
                f"`make handover {environment.options_of(account)}` writes what the customer applies."
            )
        else:
            states.append(customer_state(account))
    return states


def refuse_tenant_beside_part(tenant: str | None, part: str | None) -> None:
    """Raise CommandError if both are given."""
    if tenant is not None and part is not None:
        raise CommandError("Write either TENANT= or PART=; a part names its tenants itself.")


def part_states(environment: Environment, part: str) -> list[State]:
    """Return the states of a part, each once and without self-managed accounts; CommandError when it names nothing.

    A part is "operations", or customer accounts as ``TENANT/ACCOUNT`` with spaces between them.
    """
    if part.strip() == OPERATIONS:
        return operations_states(environment)
    accounts = dict.fromkeys(environment.accounts_named(part))
    if not accounts:
        raise CommandError(
            'PART= is empty; write "operations", or accounts such as acme/222222222222.'
        )
    return managed_states(environment, accounts)


def open_session(
    name: str,
    *,
    tenant: str | None = None,
    folder: Path = WORK,
    progress: Callable[[str], None] = progress,
) -> Session:
    """Load an environment and prepare its target; CommandError when either is not possible.

    With ``tenant`` it has this one alone, and the files of other tenants are not read. ``folder`` holds
    Terraform's data directories and what the local AWS writes.
    """
    environment = load_environment(name) if tenant is None else load_tenant(name, tenant)
    if environment.has_guard:
        build_guard()  # which every plan of the operations account reads
    target = target_of(environment, folder, progress)
    if tenant is None:
        target.prepare()
    bucket = target.state_bucket()
    terraform = Terraform(environment, folder, target.terraform_environment, progress, bucket)
    return Session(environment, target, terraform, bucket)
