"""Asks for a name before something is taken away, and reads the names in CONFIRM=."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tools.cli.console import err, styled
from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Collection


def confirm(name: str, answer: str | None, outcome: str) -> None:
    """Ask for ``name`` on a terminal unless CONFIRM= is ``answer``; CommandError, with ``outcome``, if it differs."""
    if answer is None and sys.stdin.isatty():
        err.print(styled("Type ", (name, "bold"), " to continue:"))
        try:
            answer = input()
        except EOFError:  # Ctrl-D
            answer = ""
    if confirmed_names(answer) != {name}:
        raise CommandError(f"{outcome} To confirm without the question, write CONFIRM={name}.")


def confirmed_names(text: str | None) -> frozenset[str]:
    """Return the names or ids in CONFIRM=, which spaces or commas separate."""
    return frozenset(separate_words(text or ""))


def separate_words(text: str) -> list[str]:
    """Return the words of a variable's value, which spaces or commas separate."""
    return text.replace(",", " ").split()


def refuse_unknown_names(names: Collection[str], known: Collection[str], what: str) -> None:
    """Raise CommandError if CONFIRM= has a name that is not ``known``; ``what`` is what it takes, in the plural."""
    if unknown := sorted(set(names) - set(known)):
        raise CommandError(
            f"Nothing was changed, because CONFIRM= has {', '.join(unknown)}. It takes {what}: "
            f"{', '.join(sorted(known))}."
        )
