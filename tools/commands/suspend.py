"""`make suspend`: have every call of one tenant refused, whatever else is pending or broken in the environment.

It puts a denial of everything into the tenant's role through IAM, which no other stanza can hold up, writes
state = "suspended" in the stanza, and calls the tenant's functions until a call is refused. Each call until then
is a real one of at most one token; a refused call costs nothing. Sessions that are open already are refused too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, progress, run
from tools.cli.targets import target_of
from tools.command_error import CommandError
from tools.environment.model import OFFBOARDING, SUSPENDED, load_tenant
from tools.paths import WORK
from tools.tenants.stanza_state import deny_calls, wait_for_calls, write_state

if TYPE_CHECKING:
    from tools.environment.model import Environment


def parser() -> Arguments:
    """Return the command's arguments."""
    return Arguments(__doc__, tenant="required")


def main() -> int:
    """Suspend the tenant; return 1 if no call was refused in time."""
    options = parser().parse_args()
    name, tenant = options.env, options.tenant
    environment = load_tenant(name, tenant)
    target = target_of(environment, WORK, progress)
    is_denied = deny_calls(target, tenant)
    # A tenant that is to be offboarded may still have its function, and its calls may still be answered.
    if environment.state_of(tenant) != OFFBOARDING:
        _write(environment, tenant, is_denied=is_denied)
    return wait_for_calls(target, tenant, refused=True)


def _write(environment: Environment, tenant: str, *, is_denied: bool) -> None:
    try:
        if write_state(environment, tenant, SUSPENDED):
            out.print(f"{tenant} is suspended in {environment.place_of(tenant)}; commit this.")
    except CommandError as error:
        denied = f"The role of {tenant} denies every call already; " if is_denied else ""
        advice = f'{denied}write state = "suspended" in its stanza, because the next apply does what the stanza says.'
        raise CommandError(f"{error} {advice[0].upper()}{advice[1:]}") from None


if __name__ == "__main__":
    run(main)
