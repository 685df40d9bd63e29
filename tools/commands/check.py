"""`make check`: check style, format and types, without the tests."""

from __future__ import annotations

import argparse

from tools.cli.checks import run_checks
from tools.cli.console import run


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Run the checks; the first that fails ends them."""
    parser().parse_args()
    return run_checks()


if __name__ == "__main__":
    run(main)
