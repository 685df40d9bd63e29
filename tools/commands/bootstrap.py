"""`make bootstrap`: make the state bucket in the operations account, or protect the existing one again."""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.session import open_session


def parser() -> Arguments:
    """Return the command's arguments."""
    return Arguments(__doc__)


def main() -> int:
    """Make the bucket, unless it exists, and set its versioning, encryption, public access block and policy."""
    bucket = open_session(parser().parse_args().env).bucket
    outcome = "was made" if bucket.make() else "exists already, and its protection was set again"
    out.print(f"  The state bucket {bucket.name} {outcome}.")
    return 0


if __name__ == "__main__":
    run(main)
