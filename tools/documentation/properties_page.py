"""The page about the properties that a proof establishes, from tools/isolation/properties.py."""

from __future__ import annotations

import textwrap

from tools.isolation.properties import ASSUMPTIONS, NOT_COVERED, PROPERTIES, Property

WIDTH = 120

HEADER = """\
# Properties

`make prove` establishes these properties of the plans, or with `STATE=1` of what exists. A mutant is a change that
must make the proof fail; the tests make every one of them. [The isolation proof](isolation-proof.md) explains how
the proof works.

<!-- `make docs` writes this page from tools/isolation/properties.py. -->
"""


def properties_page() -> str:
    """Return the page as Markdown."""
    parts = [HEADER, *map(_section, PROPERTIES)]
    parts += ["## All assumptions\n", _bullets(ASSUMPTIONS)]
    parts += ["## What is not covered\n", _bullets(NOT_COVERED)]
    return "\n".join(parts)


def _section(item: Property) -> str:
    code = ", ".join(f"`{path}`" for path in item.sources)
    facts = (
        f"Checked by: {code}",
        f"Assumes: {' '.join(item.assumptions)}",
        f"Refutes: {'; '.join(item.mutants)}.",
    )
    return f"## {item.name}\n\n{_wrapped(item.statement)}\n\n{_bullets(facts)}"


def _bullets(sentences: tuple[str, ...]) -> str:
    return "".join(f"{_wrapped(f'- {text}')}\n" for text in sentences)


def _wrapped(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
