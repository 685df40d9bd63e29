"""`make package`: build the Lambda zip and its SBOM, and the guard's zip."""

from __future__ import annotations

import argparse

from tools.cli.console import out, progress, run
from tools.packaging.build import build, build_guard
from tools.packaging.variant import MACHINES
from tools.paths import ROOT


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--arch",
        choices=[*MACHINES, "host"],
        default="arm64",
        help="arm64 (the default), x86_64, or host for this machine's own Python",
    )
    return arguments


def main() -> int:
    """Build one variant and the guard's zip, and print their paths."""
    for zip_file in (build(parser().parse_args().arch, progress), build_guard()):
        out.print(zip_file.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    run(main)
