"""`make bootstrap`: make the state bucket in the operations account, or protect it again, and let Bedrock keep nothing.

Bedrock's data retention is set to "none" in every Region where a call may run: the Regions and destinations of all
stanzas, of `previous` models too, and every Region if a stanza uses the global profile. Run the command again when a
stanza gets a new Region; `make apply` says when that is necessary.
"""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.live.retention_check import set_retention


def parser() -> Arguments:
    """Return the command's arguments."""
    return Arguments(__doc__)


def main() -> int:
    """Make and protect the bucket, and set data retention; CommandError if that is impossible somewhere."""
    session = open_session(parser().parse_args().env)
    bucket = session.bucket
    outcome = "was made" if bucket.make() else "exists already, and its protection was set again"
    out.print(f"  The state bucket {bucket.name} {outcome}.")
    if problem := set_retention(session.target):
        raise CommandError(problem)
    return 0


if __name__ == "__main__":
    run(main)
