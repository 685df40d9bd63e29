"""`make bootstrap`: make the state bucket in the operations account, once."""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.session import open_session
from tools.terraform.state_bucket import make_state_bucket


def parser() -> Arguments:
    """Return the command's arguments."""
    return Arguments(__doc__)


def main() -> int:
    """Make the bucket, unless it exists."""
    session = open_session(parser().parse_args().env)
    environment, target = session.environment, session.target
    s3 = target.client(target.operations(), "s3", s3={"addressing_style": "path"})
    outcome = "was made" if make_state_bucket(environment, s3) else "exists already"
    out.print(f"  The state bucket {environment.backend['bucket']} {outcome}.")
    return 0


if __name__ == "__main__":
    run(main)
