"""`make adopt`: bring objects that exist and that the states do not know back into the states.

Names are computed, so such an object is found by its name, and by the tags with which it was created. `make apply`
does the same on the way; this command applies only the accounts in which something is to be adopted, and plans
nothing else. It shows its plans and asks as `make apply` does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.confirmation import confirmed_names
from tools.cli.console import out, run
from tools.cli.session import open_session
from tools.proof.approval import add_approval, approval, next_step, refuse_unknown_tenants
from tools.proof.planning import make_plan
from tools.proof.proved_apply import ProvedApply, Prover
from tools.terraform.parallel import print_failures, try_each

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.terraform.state import State


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    add_approval(arguments)
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Find and adopt; return 1 if any account failed."""
    options = parser().parse_args()
    session = open_session(options.env)
    name = session.environment.name
    confirmed = confirmed_names(options.confirm)
    refuse_unknown_tenants(session, confirmed)
    apply = ProvedApply(
        Prover(session, options.jobs, heals=True),
        approval(session.environment, confirmed, asks=not options.auto),
        confirmed,
    )
    adopted = failed = 0
    with next_step(f"make adopt ENV={name}"):
        for states in (
            session.operations_states(options.tenant),
            session.customer_states(options.tenant),
        ):
            adopting, failures = _adopting(session, states, options.jobs)
            adopted += len(adopting)
            failed = apply.apply_states(adopting) or print_failures(failures, len(states)) or failed
    if not adopted and not failed:
        out.print(
            "The states know everything that exists under their names; nothing is to be adopted."
        )
    return failed


def _adopting(
    session: Session, states: list[State], jobs: int
) -> tuple[list[State], dict[str, str]]:
    """Return the states whose plan adopts something, and the errors of those that cannot be planned."""
    handovers = session.bucket.tenants_with_handover()
    ready = [
        state
        for state in states
        if "account_id" not in state.variables or state.tenant in handovers
    ]

    def plan(state: State) -> State | None:
        with tempfile.TemporaryDirectory() as folder:
            content = make_plan(session, state, Path(folder) / "plan").content
        changes = content.get("resource_changes", ())
        return state if any(item["change"].get("importing") for item in changes) else None

    planned, failures = try_each(ready, plan, jobs, done="searched")
    return [state for state in planned if state is not None], failures


if __name__ == "__main__":
    run(main)
