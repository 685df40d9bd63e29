"""`make unlock`: show who has locked the states, since when, and remove the locks that a killed command left.

A lock that a command on this machine still uses is never removed. A lock of another machine, or of terraform typed by
hand, may be in use there, which the command says before it asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.confirmation import confirm
from tools.cli.console import out, run, table, warn
from tools.cli.session import open_session
from tools.terraform.parallel import run_for_each
from tools.terraform.state import state_of_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.cli.session import Session
    from tools.terraform.state import State
    from tools.terraform.state_lock import StateLock


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument(
        "--confirm", help="the environment's name, in place of the question on the terminal"
    )
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Show the locks, ask, and remove them; return 1 if one is in use or could not be removed."""
    options = parser().parse_args()
    session = open_session(options.env)
    name = session.environment.name
    locks = session.bucket.all_locks()
    states = states_of_locks(session, locks, options.tenant)
    locks = [lock for lock in locks if lock.key in states]
    if not locks:
        session.environment.accounts_of(options.tenant)  # which says what tenants there are
        out.print("No state is locked.")
        return 0
    _show(locks, states)
    in_use = [lock for lock in locks if session.terraform.is_writing(states[lock.key])]
    for lock in in_use:
        warn(
            f"{states[lock.key].label}: a command of yours on this machine uses the lock now, so it stays. Wait "
            "for that command, or stop it with Ctrl-C."
        )
    removable = {lock.key: lock for lock in locks if lock not in in_use}
    for lock in removable.values():
        if not session.terraform.was_left(states[lock.key], lock):
            warn(
                f"{states[lock.key].label}: the lock is {max(0.0, lock.age_seconds()):.0f} s old and of "
                f"{lock.who}. If that command still runs, the two would overwrite each other's state."
            )
    if not removable:
        return 1
    confirm(name, options.confirm, "Nothing was unlocked.")
    failed = run_for_each(
        [states[key] for key in removable],
        lambda state: session.terraform.unlock(state, removable[state.key]),
        options.jobs,
    )
    if not failed:
        tenant = f" TENANT={options.tenant}" if options.tenant else ""
        out.print(f"`make apply ENV={name}{tenant}` continues the apply that was interrupted.")
    return failed or int(bool(in_use))


def states_of_locks(
    session: Session, locks: Sequence[StateLock], tenant: str | None
) -> dict[str, State]:
    """Return the locked states of one tenant, or of all, by their keys.

    They may have no stanza any more, belong to a shard beyond the present number, or be of a self-managed account.
    """
    states = [state_of_key(session.environment, lock.key) for lock in locks]
    shards = {state.key for state in session.operations_states(tenant)}
    return {
        state.key: state
        for state in states
        if state is not None and (tenant in (None, state.tenant) or state.key in shards)
    }


def _show(locks: Sequence[StateLock], states: Mapping[str, State]) -> None:
    rows = table("state", "locked by", "since", "by the operation")
    for lock in locks:
        since = f"{lock.created:%Y-%m-%d %H:%M:%S} UTC"
        rows.add_row(states[lock.key].label, lock.who, since, lock.operation)
    out.print(rows)


if __name__ == "__main__":
    run(main)
