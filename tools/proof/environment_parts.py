"""The parts of an environment, each of which a job of its own has looked at, and whether they are complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.environment.tenant_files import current_sha256
from tools.proof.provenance import code_sha256
from tools.terraform.state import customer_state, operations_states

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.environment.model import Environment
    from tools.terraform.state import State


@dataclass(frozen=True)
class EnvironmentPart:
    """What a file says of the part that it is about."""

    file: Path
    environment: str
    tfvars_sha256: str | None
    code_sha256: str
    covered: tuple[str, ...]  # the labels of its states


def applied_states(environment: Environment) -> list[State]:
    """Return every state that the operator applies."""
    customers = map(customer_state, environment.deployed_accounts())
    return [*operations_states(environment), *customers]


def unmanaged_accounts(environment: Environment) -> tuple[str, ...]:
    """Return the accounts that no operator's plan is about, with the reason."""
    return tuple(
        f"{account.tenant} {account.account_id} (managed by its customer)"
        for account in environment.accounts
        if environment.is_self_managed(account)
    )


def missing_states(environment: Environment, parts: Sequence[EnvironmentPart]) -> list[str]:
    """Return the labels of the states of an environment that are in no part.

    Raises CommandError if a part is of something else, of other variables or other code, or has the state of another
    part.
    """
    labels = dict.fromkeys(state.label for state in applied_states(environment))
    tfvars, code = current_sha256(environment.tfvars), code_sha256()
    seen: dict[str, EnvironmentPart] = {}
    for part in parts:
        if part.environment != environment.name:
            raise CommandError(
                f'{part.file} is of the environment "{part.environment}"; write ENV={part.environment}.'
            )
        if part.tfvars_sha256 != tfvars:
            raise CommandError(
                f"{part.file} was made with another {environment.tfvars.name}, or with another tenant's file, than is "
                "here now; make it again."
            )
        if part.code_sha256 != code:
            raise CommandError(
                f"{part.file} was made by other code than the one that is here now; make it again."
            )
        for label in part.covered:
            if label not in labels:
                raise CommandError(
                    f"{part.file} is about {label}, which the operator of {environment.name} does not apply."
                )
            if label in seen:
                raise CommandError(
                    f"{label} is in two parts: {seen[label].file} and {part.file}. Leave one of them out."
                )
            seen[label] = part
    return [label for label in labels if label not in seen]
