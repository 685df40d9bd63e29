"""`make docs`: write the reference pages that are generated: the stanza and the commands."""

from __future__ import annotations

import argparse

from tools.cli.console import out, run
from tools.documentation.commands_page import commands_page
from tools.documentation.stanza_page import stanza_page
from tools.paths import ROOT

REFERENCE = ROOT / "docs" / "reference"


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Write both pages."""
    parser().parse_args()
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, page in (("commands", commands_page()), ("stanza", stanza_page())):
        file = REFERENCE / f"{name}.md"
        file.write_text(page)
        out.print(file.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    run(main)
