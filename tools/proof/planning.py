"""Makes one state's plan, in which what exists already is adopted in place of created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.cli.console import warn
from tools.command_error import CommandError
from tools.proof.adoption import ExistingObjects
from tools.proof.saved_plan import sha256_of
from tools.terraform.healing import tainted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from tools.cli.session import Session
    from tools.terraform.runner import PlanJson, Terraform
    from tools.terraform.state import State


@dataclass(frozen=True)
class NewPlan:
    """A plan that was just made."""

    text: str  # for people, without ExternalIds
    content: PlanJson
    sha256: (
        str  # of the file, taken before it was read, so that what is proved is what has this hash
    )


def make_plan(
    session: Session, state: State, file: Path, handover: Mapping[str, Any] | None = None
) -> NewPlan:
    """Write the state's plan file and return the plan.

    A customer account is planned with ``handover``, or with the one in the state bucket if that is None.
    Raises CommandError if an earlier apply left something half made that only an apply completes.
    """
    terraform = session.terraform
    if unfinished := tainted(session.bucket.state(state.key), state.targets):
        raise CommandError(
            f"An apply failed while it made {', '.join(unfinished)}. Run `make apply "
            f"ENV={session.environment.name}`, which completes it in place and shows what it changes."
        )
    plan = _plan(terraform, state, file, {}, handover)
    existing = ExistingObjects(session.environment, session.target, state).find(plan.content)
    if not existing:
        return plan
    for address, id_ in existing.items():
        warn(
            f"{state.label}: {id_} exists and the state does not know it, because an apply was interrupted. "
            f"The plan adopts it as {address}."
        )
    return _plan(terraform, state, file, existing, handover)


def _plan(
    terraform: Terraform,
    state: State,
    file: Path,
    adopted: Mapping[str, str],
    handover: Mapping[str, Any] | None,
) -> NewPlan:
    text = terraform.save_plan(state, file, adopted, handover)
    sha256 = sha256_of(file)
    content = terraform.show_json(state, file)
    return NewPlan(terraform.environment.without_external_ids(text, content), content, sha256)
