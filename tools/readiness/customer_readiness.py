"""What each customer account needs: a deployer as `make deployer` prints it, and an inspector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.console import progress
from tools.command_error import CommandError
from tools.live.deployer_reading import read_deployer
from tools.readiness.readiness_check import ReadinessCheck, each, ok, to_do
from tools.terraform.deployer_role import deployer_roles
from tools.terraform.parallel import map_in_parallel
from tools.terraform.state_bucket import PARALLEL_CALLS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount, Environment
    from tools.terraform.deployer_role import DeployerRole


def customer_checks(session: Session, tenant: str | None) -> Iterator[ReadinessCheck]:
    """Look at the accounts of one tenant, or of all; those that cannot be reached do not stop the others."""
    environment = session.environment
    for account in environment.accounts_of(tenant):
        if environment.is_self_managed(account):
            yield ok(f"{account.name} deployer", "the customer applies the module itself")
    roles = _roles(environment, environment.deployed_accounts(tenant))
    session.target.operations()  # once, before the threads share it

    def look(item: tuple[CustomerAccount, DeployerRole | str]) -> list[ReadinessCheck]:
        account, role = item
        return [
            *each(f"{account.name} deployer", lambda: _deployer(session, account, role)),
            *each(f"{account.name} inspector", lambda: _inspector(session, account)),
        ]

    for checks in map_in_parallel(look, list(roles.items()), PARALLEL_CALLS):
        yield from checks


def _roles(
    environment: Environment, accounts: Sequence[CustomerAccount]
) -> dict[CustomerAccount, DeployerRole | str]:
    """Return the deployer of each account, or why there is none, so that one stanza takes no other's lines away.

    Terraform renders them together and does not say which of them it refuses, so halves are rendered alone then.
    """
    try:
        return {**deployer_roles(environment, accounts, progress)}
    except CommandError as error:
        if len(accounts) == 1:
            return {accounts[0]: str(error)}
    middle = len(accounts) // 2
    return _roles(environment, accounts[:middle]) | _roles(environment, accounts[middle:])


def _deployer(
    session: Session, account: CustomerAccount, role: DeployerRole | str
) -> Iterator[ReadinessCheck]:
    subject = f"{account.name} deployer"
    if isinstance(role, str):
        yield to_do(subject, "cannot be rendered", role)
        return
    reading = read_deployer(session.target, account, role)
    if not reading.problem:
        yield ok(subject, str(reading))
        return
    advice = (
        f"Send the customer what `make deployer {session.environment.options_of(account)}` prints."
    )
    yield to_do(subject, f"{reading}. {reading.problem}", advice)


def _inspector(session: Session, account: CustomerAccount) -> Iterator[ReadinessCheck]:
    """Look whether the role admits the caller; `make prove STATE=1` and `make drift` read with it."""
    subject = f"{account.name} inspector"
    try:
        session.target.inspector(account)
    except CommandError as error:
        advice = f"Send the customer what `make inspector {session.environment.options_of(account)}` prints."
        yield to_do(subject, f"There is none, or it does not admit you: {error}", advice)
        return
    yield ok(subject, "present")
