"""`make shards`: move tenants between the states of the operations account after operations.shards has changed.

It changes states alone and no role: afterwards, a plan of each shard has no changes that it did not have before. If it
is interrupted, the same command finishes the move, and no shard is planned or applied until then.
"""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, run, table
from tools.cli.session import open_session
from tools.terraform.shard_states import move_tenants


def parser() -> Arguments:
    """Return the command's arguments."""
    return Arguments(__doc__)


def main() -> int:
    """Move the tenants, and print from which shard to which each went."""
    session = open_session(parser().parse_args().env)
    environment = session.environment
    moves = move_tenants(session.terraform)
    rows = table("tenant", "from shard", "to shard")
    for tenant, (source, destination) in sorted(moves.items()):
        rows.add_row(tenant, str(source), str(destination))
    if moves:
        out.print(rows)
    out.print(
        f"{len(moves):,} tenants were moved; every tenant of {environment.name} is now in its own shard of "
        f"{environment.shards}."
    )
    return 0


if __name__ == "__main__":
    run(main)
