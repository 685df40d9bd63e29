"""`make docs`: write the reference pages that are generated: the stanza and the commands."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

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
    for name, page in pages().items():
        file = REFERENCE / f"{name}.md"
        file.write_text(page)
        out.print(file.relative_to(ROOT))
    return 0


def pages() -> dict[str, str]:
    """Return the generated pages by their names."""
    names = (file.stem for file in Path(__file__).parent.glob("*.py"))
    parsers = {
        name: import_module(f"tools.commands.{name}").parser()
        for name in names
        if name not in {"__init__", "setup"}
    }
    return {"commands": commands_page(parsers), "stanza": stanza_page()}


if __name__ == "__main__":
    run(main)
