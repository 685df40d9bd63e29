"""`make destroy`: remove the workloads, then the roles. Records and the key that encrypts them remain."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import err, run, styled
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.terraform.parallel import run_for_each
from tools.terraform.runner import summary

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.terraform.state import State

# What calls need: the execution role, and with it its policy and the function that runs as it. The log
# groups, their key and the reader roles remain, because customers are promised that their records remain.
WORKLOAD = "module.customer_workload.aws_iam_role.execution"


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_jobs()
    arguments.add_argument(
        "--confirm", help="the environment's name, in place of the question on the terminal"
    )
    return arguments


def main() -> int:
    """Ask, then destroy an environment or one tenant of it."""
    options = parser().parse_args()
    session = open_session(options.env)
    session.environment.accounts_of(options.tenant)
    if session.target.needs_confirmation:
        _confirm(session.environment.name, options.confirm)
    return _destroy(session, options.tenant, options.jobs)


def _destroy(session: Session, tenant: str | None, jobs: int) -> int:
    """Destroy the customer accounts' workloads and, if none failed, the roles in the operations account."""
    terraform = session.terraform

    def destroy_workload(state: State) -> str:
        if not any(address.startswith(WORKLOAD) for address in terraform.resources(state)):
            return "nothing to remove"
        counts = summary(terraform.destroy(state.limited_to([WORKLOAD])))
        return f"{counts} Records, their key and their readers remain, in the state too."

    if run_for_each(session.customer_states(tenant), destroy_workload, jobs):
        raise CommandError(
            "The operations account is unchanged. It can be destroyed once every customer account above is."
        )

    def destroy_roles(state: State) -> str:
        return summary(terraform.destroy(state))

    return run_for_each(session.operations_states(tenant), destroy_roles, jobs)


def _confirm(name: str, answer: str | None) -> None:
    if answer is None and sys.stdin.isatty():
        err.print(
            styled(
                "This removes functions and roles of ",
                (name, "bold"),
                ", and calls fail from then on. Type its name to continue:",
            )
        )
        answer = input().strip()
    if answer != name:
        raise CommandError(
            f"Nothing was destroyed. To confirm without the question, write CONFIRM={name}."
        )


if __name__ == "__main__":
    run(main)
