"""`make suspend`: have every call of one tenant refused, whatever else is pending or broken in the environment.

It writes state = "suspended" in the stanza, applies that tenant's role alone, and calls the tenant's functions
until a call is refused. Each call until then is a real one of at most one token; a refused call costs nothing.
Sessions that are open already are refused too.
"""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.tenants.stanza_state import SUSPENDED, apply_role, wait_for_calls, write_state


def parser() -> Arguments:
    """Return the command's arguments."""
    return Arguments(__doc__, tenant="required")


def main() -> int:
    """Suspend the tenant; return 1 if no call was refused in time."""
    options = parser().parse_args()
    name, tenant = options.env, options.tenant
    environment = load_environment(name, only=tenant)
    if tenant in environment.stanzas and environment.state_of(tenant) == "offboarding":
        raise CommandError(f"{tenant} is offboarded, so every call is refused already.")
    if write_state(name, tenant, SUSPENDED):
        out.print(f"{tenant} is suspended in environments/{name}/terraform.tfvars; commit this.")
    return wait_for_calls(apply_role(name, tenant), tenant, refused=True)


if __name__ == "__main__":
    run(main)
