"""What commands print: results on stdout, progress on stderr, errors as sentences.

What is printed comes from prompts, AWS, Terraform and tfvars, so ``out``, ``err`` and ``table`` take text and
never markup: a style is a parameter, and a character that could change a terminal is written as its escape.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tools.aws_error import aws_sentence
from tools.command_error import CommandError
from tools.processes import PROCESSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

# A pipe has no width, so nothing is cut or wrapped there.
_PIPE_WIDTH = 10_000
# Characters that Python calls printable and that show nothing: those of Unicode's property
# Default_Ignorable_Code_Point (joiners, fillers, variation selectors), and the blank Braille pattern.
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def _open_closed_streams() -> None:
    """Put the null device in place of a standard stream that the caller closed, as with ``>&-``.

    Python has None there: https://docs.python.org/3/library/sys.html#sys.__stdin__
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until exit


_open_closed_streams()


def visible(text: str, *, kept: str = "") -> str:
    r"""Return ``text`` with every character that prints nothing of its own as an escape such as ``\x1b``.

    These are Unicode's control and format characters (C0, C1, DEL, bidirectional overrides, tags), line
    and paragraph separators, surrogates, private or unassigned characters, fillers and variation
    selectors, so an emoji may be followed by ``\ufe0f``. Spaces of every width and
    the characters in ``kept`` remain. A terminal executes some of the others and hides the rest:
    https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing.
    """
    if text.isprintable() and not _INVISIBLE.search(text):
        return text
    return "".join(
        character
        if character in kept or _shows_itself(character)
        else character.encode("unicode_escape").decode()
        for character in text
    )


def _shows_itself(character: str) -> bool:
    is_printable = character.isprintable() or unicodedata.category(character) == "Zs"
    return is_printable and not _INVISIBLE.match(character)


def shorten(text: str, width: int) -> str:
    """Return ``text`` on one line of at most ``width`` cells; a Chinese character takes two of them."""
    line = visible(" ".join(text.split()))
    return line if cell_len(line) <= width else f"{set_cell_size(line, width - 1)}…"


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return one line of several parts, each a string or a string with its style."""
    return Text.assemble(
        *(visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts)
    )


class _TextConsole(Console):
    """A console to which every string is text: no markup, no emoji codes, no control characters.

    A pipe that is closed early, as by ``head``, ends the output and not the command: an apply is not
    interrupted halfway, and the exit code stays true.
    """

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - as rich declares it
        """Print on a stream of any encoding; a character that it does not have becomes an escape."""
        _accept_every_character(self.file)
        super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - as rich declares it
        """Return ``text`` as it is; rich converts every string here, those in tables included."""
        options |= {"emoji": False, "markup": False, "highlight": False}
        return super().render_str(visible(text, kept="\n\t"), **options)

    def fits(self, rows: Table) -> bool:
        """Return whether a table can be printed without cutting a cell."""
        options = self.options.update(width=_PIPE_WIDTH)
        return Measurement.get(self, options, rows).maximum <= self.width

    def on_broken_pipe(self) -> None:
        """Discard what would still be printed."""
        self.quiet = True
        _discard(self.file)


# rich colours only a terminal and honours NO_COLOR.
out = _TextConsole(
    highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH
)
err = _TextConsole(stderr=True, highlight=False, soft_wrap=True)


class _TextTable(Table):
    """A table whose cells are one line each, so that no cell can imitate a row."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:  # noqa: ANN401 - as rich declares it
        """Add a row of strings, or of texts that ``styled`` returned."""
        super().add_row(
            *(styled(cell) if isinstance(cell, str) else cell for cell in cells), **options
        )


def table(*columns: str) -> Table:
    """Return a table without lines that is as wide as its content."""
    plain = _TextTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        plain.add_column(styled(column), no_wrap=True, overflow="ellipsis")
    return plain


def print_json(value: object, indent: int | None = 2) -> None:
    """Print a value as JSON, on one line when ``indent`` is None."""
    print_json_text(json.dumps(value, ensure_ascii=False, indent=indent))


def print_json_text(text: str) -> None:
    """Print JSON as it is, in UTF-8 whatever the locale, with a line feed at its end.

    An unpaired surrogate, which UTF-8 does not have, is written as its JSON escape. On a terminal the
    characters that ``visible`` replaces are JSON escapes as well, which does not change the value.
    """
    if sys.stdout.isatty():
        text = "".join(_json_escape(character) for character in text)
    data = f"{text}\n".encode("utf-8", "backslashreplace")  # \ud800 is JSON's escape as well
    try:
        sys.stdout.flush()
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:  # a stream of characters, which a program put in place of stdout
            sys.stdout.write(data.decode())
        else:
            buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)


def progress(line: str) -> None:
    """Print on stderr what the command is doing now."""
    err.print(f"  {line}", style="dim")


def warn(line: str) -> None:
    """Print on stderr what the user should know although the command continues."""
    err.print(f"  {line}", style="yellow")


def run(main: Callable[[], int]) -> None:
    """Run a command's ``main`` and exit with its code, or 1 after an error.

    After a signal the code is 128 and the signal's number, as a shell reports it.
    """
    PROCESSES.handle_signals()
    try:
        code = main()
    except CommandError as error:
        err.print(str(error), style="red")
        code = 1
    except (BotoCoreError, ClientError) as error:
        err.print(aws_sentence(error), style="red")
        code = 1
    except OSError as error:  # a file that cannot be read or written, or an output that is full
        place = f"{error.filename}: " if error.filename else ""
        err.print(
            f"A file or the output cannot be used: {place}{error.strerror or error}. "
            "Check its permissions and the free space.",
            style="red",
        )
        code = 1
    except KeyboardInterrupt:
        err.print("Stopped.", style="red")
        code = 130
    if PROCESSES.interruption is not None:
        code = 128 + PROCESSES.interruption
    try:
        sys.stdout.flush()
    except OSError:  # reported above; Python would try again at exit
        _discard(sys.stdout)
    sys.exit(code)


def _accept_every_character(stream: Any) -> None:  # noqa: ANN401 - stdout, stderr, or a test's stream
    if getattr(stream, "errors", None) == "strict":
        stream.reconfigure(errors="backslashreplace")


def _discard(stream: Any) -> None:  # noqa: ANN401 - stdout or stderr
    """Send everything that is still written to ``stream``, also at exit, to the null device.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def _json_escape(character: str) -> str:
    """Return a character of JSON text as JSON's escape where ``visible`` would replace it."""
    if character in "\n\t" or visible(character) == character:
        return character
    if character == "\r":
        return " "  # outside strings, where JSON text may have it, it is a space
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"
