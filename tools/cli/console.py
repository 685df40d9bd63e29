"""What commands print: results on stdout, progress on stderr, errors as sentences."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

# rich colours only a terminal and honours NO_COLOR. A pipe has no width, so nothing is cut or wrapped there.
_PIPE_WIDTH = 10_000
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def table(*columns: str) -> Table:
    """Return a table without lines that is as wide as its content."""
    plain = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        plain.add_column(column, no_wrap=True, overflow="ellipsis")
    return plain


def progress(line: str) -> None:
    """Print on stderr what the command is doing now."""
    err.print(f"  [dim]{escape(line)}[/dim]")


def warn(line: str) -> None:
    """Print on stderr what the user should know although the command continues."""
    err.print(f"  [yellow]{escape(line)}[/yellow]")


def run(main: Callable[[], int]) -> None:
    """Run a command's ``main`` and exit with its code, 1 after an error, or 130 when interrupted."""
    try:
        code = main()
    except CommandError as error:
        err.print(f"[red]{escape(str(error))}[/red]")
        code = 1
    except BotoCoreError as error:  # no credentials, no Region or no connection
        err.print(
            f"[red]The request to AWS failed: {escape(str(error))}. "
            "Check that AWS credentials for the account are set up.[/red]"
        )
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
