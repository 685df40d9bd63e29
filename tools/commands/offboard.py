"""`make offboard`: end a tenant: its calls are refused and its function goes, and its records stay.

It writes state = "offboarding" in the stanza, and applies the tenant's role and its accounts. `make logs` still
reads the records. Once their retention is over, `make forget` removes the rest.
"""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.confirmation import confirm
from tools.cli.console import err, out, run, styled
from tools.cli.session import open_session
from tools.environment.model import OFFBOARDING
from tools.proof.proved_apply import ProvedApply, Prover
from tools.tenants.stanza_state import deny_calls, write_state


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_argument(
        "--confirm", help="the tenant's name, in place of the question on the terminal"
    )
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Ask, offboard the tenant, and say what follows; return 1 if an account failed."""
    options = parser().parse_args()
    session = open_session(options.env)
    environment, tenant = session.environment, options.tenant
    accounts = environment.accounts_of(tenant)
    places = ", ".join(account.account_id for account in accounts)
    deployed = [account for account in accounts if not environment.is_self_managed(account)]
    err.print(styled("  ", (tenant, "bold")))
    err.print("    goes     every call is refused, in sessions that are open already too")
    base = environment.base_name(tenant)
    for account in deployed:
        err.print(f"    goes     function {base} in {account.account_id}")
    networks = [account.account_id for account in deployed if environment.network_of(account)]
    if others := [item.account_id for item in deployed if item.account_id not in networks]:
        err.print(f"    goes     role {base}-execution in {', '.join(others)}")
    err.print(f"    remains  role {base}, which is denied everything")
    err.print(f"    remains  records, their key and their readers in {places}")
    if networks:
        err.print(
            f"    remains  role {base}-execution in {', '.join(networks)}, with which Lambda deletes the function's "
            "network interfaces"
        )
    err.print(
        "    applied  every other change of its stanza that is pending, also a lower retention"
    )
    confirm(tenant, options.confirm, f"{tenant} was not offboarded.")
    deny_calls(session.target, tenant)  # at once, although the apply may be held up
    if write_state(environment, tenant, OFFBOARDING):
        out.print(f"{tenant} is offboarding in {environment.place_of(tenant)}; commit this.")
    prover = Prover(open_session(options.env), options.jobs)
    failed = ProvedApply(prover, confirmed=frozenset({tenant})).apply_environment(tenant)
    if failed:
        return failed
    for account in environment.accounts_of(tenant):
        if environment.is_self_managed(account):
            out.print(
                f"{account.account_id} is self-managed: its owner removes the function there and keeps the records."
            )
    command = f"ENV={environment.name} TENANT={tenant}"
    days = environment.retention_days(tenant)
    out.print(
        f"{tenant} is offboarded. `make logs {command}` reads its records. In {days:,} days their retention is over; "
        f"then run `make forget {command} CONFIRM={tenant}`."
    )
    return 0


if __name__ == "__main__":
    run(main)
