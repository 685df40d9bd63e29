"""The Markdown pages of the repository, their links, headings and fenced blocks.

A block is marked by an HTML comment on the line before its fence: ``<!-- run: NAME -->`` for shell
commands that a test runs, ``<!-- plan: NAME -->`` for HCL that a test plans, ``<!-- policy: NAME -->`` for
a policy and ``<!-- prices: NAME -->`` for a price file with which a test works.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
IGNORED_FOLDERS = {".git", ".pytest_cache", ".terraform", ".venv", ".work", "build", "evidence"}

_BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<action>\w+): (?P<group>\S+) -->\n(?P=indent))?"
    r"```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block; ``action`` and ``group`` are None where it is not marked."""

    page: Path
    action: str | None
    group: str | None
    language: str
    text: str

    def __str__(self) -> str:
        """The page and the first line, to name a test by."""
        return f"{self.page.relative_to(ROOT)}: {self.text.partition(chr(10))[0]}"


def all_pages() -> list[Path]:
    """Every Markdown file of the repository."""
    return [
        page
        for page in sorted(ROOT.rglob("*.md"))
        if not IGNORED_FOLDERS & set(page.relative_to(ROOT).parts)
    ]


def guide_pages() -> list[Path]:
    """The README and everything in docs: the pages whose blocks are marked."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order, without the indentation of a list."""
    return [
        Block(
            page,
            match["action"],
            match["group"],
            match["language"],
            re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
        )
        for match in _BLOCK.finditer(page.read_text())
    ]


def blocks(action: str, group: str) -> list[Block]:
    """The blocks of one group, page by page, in the order in which they stand."""
    return [
        block
        for page in guide_pages()
        for block in blocks_of(page)
        if (block.action, block.group) == (action, group)
    ]


def commands(group: str) -> list[str]:
    """The shell commands of one group, one for each line."""
    lines = [line.strip() for block in blocks("run", group) for line in block.text.splitlines()]
    return [line for line in lines if line]


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links, without those in code."""
    text = re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", page.read_text()))
    yield from (match["target"] for match in _LINK.finditer(text))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them.

    https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
    """
    names: set[str] = set()
    for match in _HEADING.finditer(_BLOCK.sub("", page.read_text())):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match["title"])
        base = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        repeats = (f"{base}-{number}" for number in range(1, len(names) + 1))
        names.add(next(name for name in (base, *repeats) if name not in names))
    return names
