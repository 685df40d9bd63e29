"""`make down`: stop the local AWS and delete what it stored."""

from __future__ import annotations

import argparse

from tools.cli.console import out, run
from tools.localaws.background import LocalAwsProcess
from tools.paths import WORK


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Stop it, if it runs."""
    parser().parse_args()
    if LocalAwsProcess(WORK).stop():
        out.print("  The local AWS has stopped.")
    else:
        out.print("  No local AWS was running.")
    return 0


if __name__ == "__main__":
    run(main)
