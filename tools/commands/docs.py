"""`make docs`: write the pages that are generated: the stanza, the commands and the properties."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from tools.cli.console import out, run
from tools.documentation.commands_page import commands_page
from tools.documentation.properties_page import properties_page
from tools.documentation.stanza_page import stanza_page
from tools.paths import ROOT

DOCS = ROOT / "docs"


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Write the pages."""
    parser().parse_args()
    for name, page in pages().items():
        file = DOCS / f"{name}.md"
        file.write_text(page)
        out.print(file.relative_to(ROOT))
    return 0


def pages() -> dict[str, str]:
    """Return the generated pages by their names in docs/."""
    names = (file.stem for file in Path(__file__).parent.glob("*.py"))
    parsers = {
        name: import_module(f"tools.commands.{name}").parser()
        for name in names
        if name not in {"__init__", "setup"}
    }
    return {
        "explanation/properties": properties_page(),
        "reference/commands": commands_page(parsers),
        "reference/stanza": stanza_page(),
    }


if __name__ == "__main__":
    run(main)
