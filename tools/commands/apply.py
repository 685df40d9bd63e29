"""`make apply`: prove and apply the operations account, then every customer account, several at a time.

Only plans that are proved are applied, from the plan files that were proved, and afterwards what exists is
proved. PROOF= takes the plans of a proof that `make prove` wrote, also on another machine, and refuses one
that has changed since; a customer account whose hand-over has changed since is planned and proved again.

PART= applies one part, as each job of the CI workflow does: "operations", or customer accounts as
TENANT/ACCOUNT with spaces between them. The operations account comes first, because its apply
writes the hand-overs that the customer accounts need.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import err, out, run, styled
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.paths import ROOT
from tools.proof.folder import read_certified
from tools.proof.proved_apply import ProvedApply, Prover
from tools.terraform.state import customer_state, operations_states

if TYPE_CHECKING:
    from tools.environment.model import Environment
    from tools.proof.proved_apply import ProvedPlans
    from tools.terraform.state import State

OPERATIONS = "operations"


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument(
        "--part", help=f'"{OPERATIONS}", or customer accounts such as "acme/222222222222"'
    )
    arguments.add_argument("--proof", help="a folder in build/proof, whose plans are applied")
    arguments.add_argument("--sha256", help="the SHA-256 of its certificate.json")
    arguments.add_argument(
        "--confirm", help="the environment's name, in place of the question on the terminal"
    )
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Apply and return 1 if any account failed; a customer account that fails does not stop the others."""
    options = parser().parse_args()
    if options.part is not None and options.tenant is not None:
        raise CommandError("Write either TENANT= or PART=; a part names its tenants itself.")
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

    def approve(proved: ProvedPlans) -> None:
        _confirm(name, proved, options.confirm)

    asks = session.target.needs_confirmation and certified is None and sys.stdin.isatty()
    prover = Prover(session, options.jobs, certified)
    apply = ProvedApply(prover, approve) if asks else ProvedApply(prover)
    if options.part is None:
        return apply.apply_environment(options.tenant)
    return apply.apply_states(part_states(session.environment, options.part))


def part_states(environment: Environment, part: str) -> list[State]:
    """Return the states of a part; CommandError when it names none."""
    if part.strip() == OPERATIONS:
        return operations_states(environment)
    states = [customer_state(account) for account in environment.accounts_named(part)]
    if not states:
        raise CommandError(
            'PART= is empty; write "operations", or accounts such as acme/222222222222.'
        )
    return states


def _confirm(name: str, proved: ProvedPlans, answer: str | None) -> None:
    """Show the changes and ask; CommandError unless the answer is the environment's name."""
    for plan in proved.plans:
        out.print(f"  {plan.state.label}  {plan.summary}")
    if answer is None:
        folder = proved.folder.relative_to(ROOT)
        err.print(f"`make plan ENV={name} PROOF={folder}` shows the changes.")
        err.print(styled("Type ", (name, "bold"), " to apply these plans:"))
        answer = input().strip()
    if answer != name:
        raise CommandError(
            f"Nothing was applied. To confirm without the question, write CONFIRM={name}."
        )


if __name__ == "__main__":
    run(main)
