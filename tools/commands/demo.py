"""`make demo`: show the main job on a local AWS; every line is the result of a real call."""

from __future__ import annotations

import argparse
import shutil
import time

from tools.cli.console import out, progress, run, styled
from tools.cli.local_target import LocalTarget
from tools.cli.targets import LOCAL
from tools.command_error import CommandError
from tools.demo.walkthrough import walk_through
from tools.environment.model import load_environment
from tools.paths import WORK

FOLDER = WORK / "demo"


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Run the demo and leave no process behind; CommandError if anything differs from what it promises."""
    parser().parse_args()
    started = time.monotonic()
    target = LocalTarget(load_environment(LOCAL), FOLDER, progress)
    target.process.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        target.start()
        problems = walk_through(target, FOLDER)
    finally:
        target.process.stop()
    if problems:
        raise CommandError("The demo found problems:\n" + "\n".join(f"  - {p}" for p in problems))
    out.print()
    out.print(
        styled(
            ("Everything worked as promised", "bold"),
            f", in {time.monotonic() - started:.0f} s. The local AWS has stopped. Next:",
        )
    )
    out.print(
        "  make up && make apply ENV=local      the same on a local AWS that keeps running\n"
        "  docs/getting-started.md              the steps to your own accounts and tenants"
    )
    return 0


if __name__ == "__main__":
    run(main)
