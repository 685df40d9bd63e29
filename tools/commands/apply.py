"""`make apply`: prove and apply the operations account, then every customer account, several at a time.

It shows what it will change and asks on a terminal; AUTO=1 does not ask. Only plans that are proved and shown
are applied, from the plan files that were proved, and afterwards what exists is proved. What an earlier apply
left half made is completed, and what it made without writing it into the state is adopted. PROOF= takes the
plans of a proof that `make prove` wrote, also on another machine, and refuses one that has changed since, or whose
terraform.tfvars has; a customer account whose hand-over has changed since is planned and proved again. A shard that
the proof has left out and that has changed since is refused.

Customer accounts whose code, variables, hand-over and zip are those of their last apply are counted and left out,
unless TENANT= names their tenant, PROOF= has their plan or ALL=1 plans every account. So are the shards of an
operations account that has several. ALL=1 is what also takes back what somebody changed there by hand.

An apply takes nothing away unasked. A plan that destroys or replaces something, keeps records for fewer days, or
moves a tenant to another account or Region is refused, with what would follow and the CONFIRM= that allows it. Only
a function, its alias or an endpoint that an apply left half made is replaced without it.

PART= applies one part, as each job of the CI workflow does: "operations", or customer accounts as
TENANT/ACCOUNT with spaces between them. Accounts that their customers manage are left out. The operations account
comes first, because its apply writes the hand-overs that the customer accounts need.

An apply is done only if Bedrock's data retention is "none" in every Region where a call of these tenants may run.
Otherwise the command fails at its end with the Regions, and `make bootstrap` sets it.

UNLOCK=1 continues an apply that was killed: it first removes the locks that this apply, or another make command on
this machine, has left. Other locks stay, and the apply waits for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.confirmation import confirmed_names
from tools.cli.console import err, out, run
from tools.cli.session import open_session, part_states, refuse_tenant_beside_part
from tools.command_error import CommandError
from tools.live.retention_check import retention_problem
from tools.processes import PROCESSES
from tools.proof.approval import add_approval, approval, next_step, refuse_unknown_tenants
from tools.proof.folder import read_certified
from tools.proof.proved_apply import ProvedApply, Prover
from tools.tenants.orphan_search import warn_of_orphans
from tools.terraform.parallel import run_for_each
from tools.terraform.state import OPERATIONS, customer_state, operations_states

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tools.cli.session import Session
    from tools.terraform.runner import Terraform
    from tools.terraform.state import State


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_part()
    arguments.add_argument("--proof", help="a folder in build/proof, whose plans are applied")
    arguments.add_argument("--sha256", help="the SHA-256 of its certificate.json")
    arguments.add_all()
    add_approval(arguments)
    arguments.add_argument(
        "--unlock", action="store_true", help="remove the locks of a command that was killed here"
    )
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Apply and return 1 if any account failed; a customer account that fails does not stop the others."""
    arguments = parser()
    options = arguments.parse_args()
    refuse_tenant_beside_part(options.tenant, options.part)
    if options.proof is None and options.sha256 is not None:
        raise CommandError("SHA256= is of the certificate in PROOF=; write that as well.")
    if options.proof is not None and options.tenant is not None:
        raise CommandError(
            "A proof is about all tenants; write PART= to apply a part of its plans."
        )
    session = open_session(options.env)
    name = session.environment.name
    certified = None
    if options.proof is not None:
        certified = read_certified(Path(options.proof), name, options.sha256)
        certified.check_variables(session.environment.tfvars)
    # The plans of a certificate were approved where it was made.
    asks = certified is None and not options.auto
    confirmed = confirmed_names(options.confirm)
    # CI writes the same names for each part of a proof, also those of what an earlier part has removed.
    if certified is None:
        refuse_unknown_tenants(session, confirmed)
    only_changed = options.tenant is None and not options.all
    apply = ProvedApply(
        Prover(session, options.jobs, certified, heals=True, only_changed=only_changed),
        approval(session.environment, confirmed, asks=asks),
        confirmed,
    )
    if options.tenant is None and options.part in (None, OPERATIONS):
        warn_of_orphans(session)
    if options.part is None:
        states = [
            *operations_states(session.environment, options.tenant),
            *map(customer_state, session.environment.deployed_accounts(options.tenant)),
        ]
    else:
        states = part_states(session.environment, options.part)
        if not states:
            out.print("Nothing is to be applied: customers manage all of these accounts.")
            return 0
    if certified is not None:
        certified.check_part(states)
    command = f"make apply {arguments.written(options, without='unlock')}"
    with next_step(command):
        _remove_abandoned_locks(session.terraform, states, options, command)
        if options.part is None:
            return _finish(session, states, apply.apply_environment(options.tenant))
        return _finish(session, states, apply.apply_states(states))


def _finish(session: Session, states: list[State], failed: int) -> int:
    """Return 1, with a sentence on stderr, unless Bedrock keeps nothing of the calls of these states' tenants.

    After an interruption it is not read, and the exit code stays ``failed``.
    """
    if PROCESSES.interruption is not None:
        return failed
    tenants = [state.tenant for state in states if state.tenant is not None]
    is_of_all = len(tenants) < len(states)  # a whole state of the operations account has no tenant
    problem = retention_problem(session.target, None if is_of_all else dict.fromkeys(tenants))
    if problem is None:
        return failed
    err.print(problem, style="red")
    return 1


def _remove_abandoned_locks(
    terraform: Terraform, states: Sequence[State], options: Namespace, command: str
) -> None:
    """Remove the locks that a killed command has left; CommandError if the options do not ask for it, or it fails."""
    abandoned = {state.key: (state, lock) for state, lock in terraform.abandoned_locks(states)}
    if not abandoned:
        return
    if not options.unlock:
        locks = "\n".join(f"{state.label}: {lock}" for state, lock in abandoned.values())
        raise CommandError(
            "States are locked, and no make command of yours on this machine uses them, so one was killed. "
            f"`{command} UNLOCK=1` removes these locks and continues.\n{locks}"
        )
    locked_states = [state for state, _ in abandoned.values()]
    if run_for_each(
        locked_states, lambda state: terraform.unlock(*abandoned[state.key]), options.jobs
    ):
        raise CommandError("Nothing was applied, because not every lock could be removed.")


if __name__ == "__main__":
    run(main)
