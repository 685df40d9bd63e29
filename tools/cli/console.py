"""How commands speak: results on stdout, progress on stderr, errors as sentences."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

# rich colours only a terminal and honours NO_COLOR. A pipe has no width: nothing is cut or wrapped.
_PIPE = 10_000
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class CommandError(Exception):
    """Something the user can put right; the message is a sentence that says how."""


def table(*columns: str) -> Table:
    """A table without lines, one row a line, as wide as its content."""
    plain = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        plain.add_column(column, no_wrap=True, overflow="ellipsis")
    return plain


def progress(line: str) -> None:
    """Say on stderr what is being done now."""
    err.print(f"  [dim]{escape(line)}[/dim]")


def warn(line: str) -> None:
    """Say on stderr what the user should know though the command goes on."""
    err.print(f"  [yellow]{escape(line)}[/yellow]")


def run(main: Callable[[], int]) -> None:
    """Run a command's ``main`` and end the process: 0 done, 1 a CommandError, 130 interrupted."""
    try:
        code = main()
    except CommandError as error:
        err.print(f"[red]{escape(str(error))}[/red]")
        code = 1
    except BotoCoreError as error:  # no credentials, no Region, no connection
        err.print(
            f"[red]AWS cannot be asked: {escape(str(error))}. Set up AWS credentials of the account.[/red]"
        )
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
