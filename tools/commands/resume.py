"""`make resume`: let a suspended tenant call again, whatever else is pending or broken in the environment.

It writes state = "active" in the stanza, applies that tenant's role alone, and calls the tenant's functions until
a call is answered. That call is a real one of at most one token.
"""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.tenants.stanza_state import ACTIVE, apply_role, wait_for_calls, write_state


def parser() -> Arguments:
    """Return the command's arguments."""
    return Arguments(__doc__, tenant="required")


def main() -> int:
    """Resume the tenant; return 1 if no call was answered in time."""
    options = parser().parse_args()
    name, tenant = options.env, options.tenant
    environment = load_environment(name, only=tenant)
    if tenant in environment.stanzas and environment.state_of(tenant) == "offboarding":
        raise CommandError(
            f'{tenant} is offboarded, so it has no function to call. Write state = "active" in its stanza and run '
            f"`make apply ENV={name} TENANT={tenant}` to set it up again."
        )
    if write_state(name, tenant, ACTIVE):
        out.print(f"{tenant} is active in environments/{name}/terraform.tfvars; commit this.")
    return wait_for_calls(apply_role(name, tenant), tenant, refused=False)


if __name__ == "__main__":
    run(main)
