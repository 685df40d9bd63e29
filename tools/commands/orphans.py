"""`make orphans`: list what no command works on any more, and what to do about it.

These are states, hand-overs and roles without a stanza, and states of accounts that their customers manage now.
"""

from __future__ import annotations

from dataclasses import asdict

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, table
from tools.cli.session import open_session
from tools.tenants.orphan_search import find_orphans


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__)
    arguments.add_json("each with its tenant, its kind, its name and what to do")
    return arguments


def main() -> int:
    """Print them and return 0, also when there are some."""
    options = parser().parse_args()
    orphans = find_orphans(open_session(options.env))
    if options.json:
        print_json([asdict(orphan) for orphan in orphans])
        return 0
    if not orphans:
        out.print("Every state, hand-over and role has a stanza.")
        return 0
    rows = table("tenant", "kind", "name", "what to do")
    for orphan in orphans:
        rows.add_row(orphan.tenant, orphan.kind, orphan.name, orphan.advice)
    out.print(rows)
    return 0


if __name__ == "__main__":
    run(main)
