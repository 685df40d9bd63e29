"""`make destroy`: remove the workloads, then the roles. Records and the key that encrypts them remain.

It lists what will go and what remains, and asks for the tenant's name or, without TENANT=, the environment's. One
tenant of the local AWS is destroyed without a question. Without TENANT=, no stanza may be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.confirmation import confirm
from tools.cli.console import err, run, styled
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.tenants.workload import destroy_workload
from tools.terraform.parallel import run_for_each
from tools.terraform.state import role_module, tenant_of_address

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.environment.model import Environment


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
    if options.tenant is None:
        _refuse_lost_stanzas(session)
    needs_confirmation = session.target.needs_confirmation or options.tenant is None
    if needs_confirmation or options.confirm is not None:
        _show(session.environment, options.tenant)
        name = options.tenant or session.environment.name
        confirm(name, options.confirm, "Nothing was destroyed.")
    return _destroy(session, options.tenant, options.jobs)


def _destroy(session: Session, tenant: str | None, jobs: int) -> int:
    """Destroy the customer accounts' workloads and, if none failed, the roles in the operations account."""
    session.terraform.check_shards()  # before anything is destroyed
    states = session.customer_states(tenant)
    if run_for_each(states, lambda state: destroy_workload(session, state), jobs):
        raise CommandError(
            "The operations account is unchanged. It can be destroyed once every customer account above is."
        )
    operations = session.operations_states(tenant)
    if tenant is not None:  # the schedule of the quotas is of other tenants too
        operations = [state.limited_to([role_module(tenant)]) for state in operations]
    return run_for_each(operations, session.terraform.destroy, jobs)


def _refuse_lost_stanzas(session: Session) -> None:
    """Raise CommandError if roles without a stanza would go, because the functions that use them would remain."""
    addresses = {
        address
        for state in session.operations_states()
        for address in session.bucket.state(state.key).addresses()
    }
    applied = {tenant for address in addresses if (tenant := tenant_of_address(address))}
    if tenants := sorted(applied - set(session.environment.tenants)):
        name = session.environment.name
        raise CommandError(
            f"Without a stanza: {', '.join(tenants)}. Nothing was destroyed, because their functions would remain "
            f"without a role. `make orphans ENV={name}` lists what they have and what to do about it."
        )


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


if __name__ == "__main__":
    run(main)
