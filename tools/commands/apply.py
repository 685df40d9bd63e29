"""`make apply`: apply the operations account, then every customer account, several at a time.

PART= applies one part, as each job of the CI workflow does: "operations", or customer accounts as
TENANT/ACCOUNT with spaces between them. The operations account comes first, because its apply
writes the hand-overs that the customer accounts need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import run
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.terraform.state import customer_state, operations_state

if TYPE_CHECKING:
    from tools.environment.model import Environment
    from tools.terraform.state import State

OPERATIONS = "operations"


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument(
        "--part", help=f'"{OPERATIONS}", or customer accounts such as "acme/222222222222"'
    )
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Apply and return 1 if any account failed; a customer account that fails does not stop the others."""
    options = parser().parse_args()
    if options.part is not None and options.tenant is not None:
        raise CommandError("Write either TENANT= or PART=; a part names its tenants itself.")
    session = open_session(options.env)
    if options.part is None:
        return session.apply(options.tenant, options.jobs)
    return session.apply_each(part_states(session.environment, options.part), options.jobs)


def part_states(environment: Environment, part: str) -> list[State]:
    """Return the states of a part; CommandError when it names none."""
    if part.strip() == OPERATIONS:
        return [operations_state()]
    states = [customer_state(account) for account in environment.accounts_named(part)]
    if not states:
        raise CommandError(
            'PART= is empty; write "operations", or accounts such as acme/222222222222.'
        )
    return states


if __name__ == "__main__":
    run(main)
