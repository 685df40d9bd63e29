"""`make destroy`: remove the workloads, then the roles. Records and the key that encrypts them remain.

It lists what will go and what remains, and asks for the tenant's name or, without TENANT=, the environment's. Only
one tenant of the local AWS is destroyed without a question.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import err, run, styled
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.terraform.parallel import print_success, run_for_each
from tools.terraform.runner import summary
from tools.terraform.state import operations_state

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.environment.model import Environment
    from tools.terraform.state import State

# What calls need: the execution role, and with it its policy and the function that runs as it. The log
# groups, their key and the reader roles remain, because customers are promised that their records remain.
WORKLOAD = "module.customer_workload.aws_iam_role.execution"


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_jobs()
    arguments.add_argument(
        "--confirm",
        help="the tenant's name or, without TENANT=, the environment's, in place of the question on the terminal",
    )
    return arguments


def main() -> int:
    """Ask, then destroy an environment or one tenant of it."""
    options = parser().parse_args()
    session = open_session(options.env)
    accounts = session.environment.accounts_of(options.tenant)
    tenants = {account.tenant for account in accounts}
    if session.target.needs_confirmation or len(tenants) > 1:
        _show(session.environment, options.tenant)
        name = options.tenant or session.environment.name
        confirm(name, options.confirm, "Nothing was destroyed.")
    return destroy_tenants(session, options.tenant, options.jobs)


def destroy_tenants(session: Session, tenant: str | None, jobs: int) -> int:
    """Destroy the customer accounts' workloads and, if none failed, the roles in the operations account."""
    terraform = session.terraform

    def destroy_workload(state: State) -> str:
        if not has_workload(session, state):
            return "nothing to remove"
        counts = summary(terraform.destroy(state.limited_to([WORKLOAD])))
        return f"{counts} Records, their key and their readers remain, in the state too."

    if run_for_each(session.customer_states(tenant), destroy_workload, jobs):
        raise CommandError(
            "The operations account is unchanged. It can be destroyed once every customer account above is."
        )
    operations = operations_state(tenant)
    print_success(operations, summary(terraform.destroy(operations)))
    return 0


def has_workload(session: Session, state: State) -> bool:
    """Return whether a customer state holds a function or its execution role."""
    return any(address.startswith(WORKLOAD) for address in session.terraform.resources(state))


def _show(environment: Environment, tenant: str | None) -> None:
    """List on stderr what will go and what remains, by tenant."""
    name = environment.name
    for each in environment.tenants if tenant is None else (tenant,):
        accounts = ", ".join(account.account_id for account in environment.accounts_of(each))
        base = environment.base_name(each)
        err.print(styled("  ", (each, "bold")))
        err.print(f"    goes     role {base} and its inference profiles, so every call fails")
        err.print(f"    goes     function {base} and its execution role in {accounts}")
        err.print(f"    remains  records, their key and their readers in {accounts}")
    if tenant is None:
        err.print(f"  These are all tenants of {name}; TENANT= destroys one.")


def confirm(name: str, answer: str | None, outcome: str) -> None:
    """Ask for ``name`` on a terminal, or compare it with CONFIRM=; CommandError, with ``outcome``, if it differs."""
    if answer is None and sys.stdin.isatty():
        err.print(styled("Type ", (name, "bold"), " to continue:"))
        answer = input().strip()
    if answer != name:
        raise CommandError(f"{outcome} To confirm without the question, write CONFIRM={name}.")


if __name__ == "__main__":
    run(main)
