"""`make package`: build the Lambda zip, with its inventory and its SBOM beside it."""

from __future__ import annotations

import argparse

from tools.cli.console import out, progress, run
from tools.packaging.build import build
from tools.packaging.variant import MACHINES
from tools.paths import ROOT


def main() -> int:
    """Build one variant and print its path."""
    parser = argparse.ArgumentParser(prog="make package", description=__doc__)
    parser.add_argument("--architecture", choices=[*MACHINES, "host"], default="arm64")
    zip_file = build(parser.parse_args().architecture, progress)
    out.print(zip_file.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    run(main)
