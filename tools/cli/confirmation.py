"""Asks for a name before something is taken away, or compares it with CONFIRM=."""

from __future__ import annotations

import sys

from tools.cli.console import err, styled
from tools.command_error import CommandError


def confirm(name: str, answer: str | None, outcome: str) -> None:
    """Ask for ``name`` on a terminal unless CONFIRM= is ``answer``; CommandError, with ``outcome``, if it differs."""
    if answer is None and sys.stdin.isatty():
        err.print(styled("Type ", (name, "bold"), " to continue:"))
        try:
            answer = input().strip()
        except EOFError:  # Ctrl-D
            answer = ""
    if answer != name:
        raise CommandError(f"{outcome} To confirm without the question, write CONFIRM={name}.")
