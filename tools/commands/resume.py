"""`make resume`: let a suspended tenant call again, whatever else is pending or broken in the environment.

It writes state = "active" in the stanza, takes the denial from the tenant's role through IAM, and calls the
tenant's functions until a call is answered. That call is a real one of at most one token. What the role granted
before it was suspended, it grants again; a stanza that has changed since needs an apply.
"""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, progress, run
from tools.cli.targets import target_of
from tools.command_error import CommandError
from tools.environment.model import ACTIVE, OFFBOARDING, load_tenant
from tools.paths import WORK
from tools.tenants.stanza_state import allow_calls, wait_for_calls, write_state


def parser() -> Arguments:
    """Return the command's arguments."""
    return Arguments(__doc__, tenant="required")


def main() -> int:
    """Resume the tenant; return 1 if no call was answered in time."""
    options = parser().parse_args()
    name, tenant = options.env, options.tenant
    environment = load_tenant(name, tenant)
    if environment.state_of(tenant) == OFFBOARDING:
        raise CommandError(
            f'{tenant} is offboarded, so it has no function to call. Write state = "active" in its stanza and run '
            f"`make apply ENV={name} TENANT={tenant} CONFIRM={tenant}` to set it up again."
        )
    target = target_of(environment, WORK, progress)
    if write_state(environment, tenant, ACTIVE):
        out.print(f"{tenant} is active in {environment.place_of(tenant)}; commit this.")
    allow_calls(target, tenant)
    return wait_for_calls(target, tenant, refused=False)


if __name__ == "__main__":
    run(main)
