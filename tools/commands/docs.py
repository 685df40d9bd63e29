"""`make docs`: write the pages that are generated: the stanza, the commands and the properties.

It also writes the version in pyproject.toml into the modules and the package, which repeat it.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from tools.cli.console import out, run
from tools.documentation.commands_page import commands_page
from tools.documentation.properties_page import properties_page
from tools.documentation.stanza_page import stanza_page
from tools.paths import ROOT
from tools.release import version_files

DOCS = ROOT / "docs"


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Write the pages and the version."""
    parser().parse_args()
    files = {DOCS / f"{name}.md": page for name, page in pages().items()}
    for file, text in {**files, **version_files()}.items():
        file.write_text(text)
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
