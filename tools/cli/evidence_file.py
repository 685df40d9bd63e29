"""A dated file in which a command says what it saw, for reviewers who were not there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path


def evidence_file_name(kind: str, environment: str, tenant: str | None, started: datetime) -> str:
    """Return the name of the evidence of a command, of which there is one a second."""
    scope = environment if tenant is None else f"{environment}-{tenant}"
    return f"{scope}-{kind}-{started:%Y-%m-%dT%H%M%SZ}.md"


def write_evidence_file(file: Path, lines: Iterable[str]) -> Path:
    """Write the file, which only its owner may read, and return its path; CommandError if it exists already."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{file} exists already; name another file.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    return file


def markdown_row(*cells: str) -> str:
    """Return a row of a table in Markdown, whose cells have neither line breaks nor bars."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def data_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section with the same for machines."""
    yield from ("## Data", "", "```json", json.dumps(data, indent=1, ensure_ascii=False), "```")
