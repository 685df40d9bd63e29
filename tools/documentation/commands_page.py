"""The reference of the commands, from the Makefile and the commands' own arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.paths import ROOT

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Mapping

_SECTION = re.compile(r"##@ (?P<title>.*)")
_USAGE = re.compile(r"override usage_[a-z]+ := ?(?P<usage>.*)")
_TARGET = re.compile(r"(?P<name>[a-z]+): ## (?P<summary>.*)")

HEADER = """\
# Commands

Every command is a `make` target, and `make X` runs `tools/commands/X.py`. Values are written after the target,
for example `make plan ENV=prod TENANT=acme`. Variables of the shell do not count. A variable that the command does not
take, a misspelt one and an empty one are errors, before anything runs, because each could widen what the command does.
So is one that is written twice, of which make would use only the last; where the system has no /proc, as on macOS, this
is not noticed.
A value written after `=` reaches the command byte for byte, without leading spaces and tabs, and nothing in it is
executed. Make itself executes values written after `:=` or `!=` and in `MAKEFLAGS` and `MAKEFILES`, so never let
somebody else choose a whole argument of `make`. Commands that work in an environment's states print the `terraform`
commands that they run. A command that fails prints a sentence and exits with a non-zero status.

These environment variables are read from the shell:

| variable | meaning |
|---|---|
| `DEPENDENCIES=operation` | installs only what operates, from `requirements.txt`; the default is `development` |
| `TERRAFORM_RELEASES=URL` | a copy of HashiCorp's release site, for a machine without a supported Terraform |
| `TF_PROVIDER_MIRROR=DIR` | a folder that contains the AWS provider, as `terraform providers mirror` writes it |
| `PYTHON=PATH` | the Python of at least 3.11 to set up with |

<!-- `make docs` writes this page from the Makefile and from the arguments in tools/commands. -->
"""


@dataclass(frozen=True)
class Command:
    """One target of the Makefile; ``usage`` is what it takes, such as ``ENV= [TENANT=] [JSON=1]``."""

    name: str
    usage: str
    summary: str

    @property
    def variables(self) -> list[str]:
        """The variables that it takes."""
        return re.findall(r"[A-Z0-9_]+(?==)", self.usage)


def commands_page(parsers: Mapping[str, ArgumentParser]) -> str:
    """Return the page as Markdown; ``parsers`` are the arguments of the commands by their names."""
    parts = [HEADER]
    for title, commands in _sections((ROOT / "Makefile").read_text()):
        parts.append(f"## {title}\n")
        parts.extend(_described(command, parsers) for command in commands)
    return "\n".join(parts)


def _sections(makefile: str) -> Iterator[tuple[str, list[Command]]]:
    title, usage, commands = "", "", list[Command]()
    for line in makefile.splitlines():
        if section := _SECTION.match(line):
            if commands:
                yield title, commands
            title, commands = section["title"], []
        elif match := _USAGE.match(line):
            usage = match["usage"]
        elif target := _TARGET.match(line):
            commands.append(Command(target["name"], usage, target["summary"]))
    yield title, commands


def _described(command: Command, parsers: Mapping[str, ArgumentParser]) -> str:
    usage = f"make {command.name} {command.usage}".strip()
    summary = f"{command.summary[0].upper()}{command.summary[1:]}."
    lines = [f"### make {command.name}\n", f"`{usage}`\n", f"{summary}\n"]
    if command.name not in parsers:  # setup, which runs before anything is installed
        return "\n".join(lines)
    parser = parsers[command.name]
    paragraphs = (parser.description or "").strip().split("\n\n")[1:]
    lines += [f"{_unwrapped(paragraph)}\n" for paragraph in paragraphs]
    if command.variables:
        lines += ["| variable | required | meaning |", "|---|---|---|"]
        lines += [_row(parser, variable) for variable in command.variables]
        lines.append("")
    return "\n".join(lines)


def _row(parser: ArgumentParser, variable: str) -> str:
    if variable == "PROMPT":  # not an option, because every process of the machine can read those
        return "| `PROMPT=` |  | the prompt; without it, standard input |"
    actions = parser._option_string_actions  # noqa: SLF001 - argparse has no public way to list options
    action = actions[f"--{variable.lower()}"]
    value = "1" if action.nargs == 0 else ""
    required = "yes" if action.required else ""
    meaning = ((action.help or "") % vars(action)).replace("|", "\\|").replace("\n", " ")
    return f"| `{variable}={value}` | {required} | {meaning} |"


def _unwrapped(paragraph: str) -> str:
    """Return a list or a table of the docstring as it is, and a paragraph on one line."""
    if re.search(r"^(\d\.|[A-Z]+=\w* {2,})", paragraph, re.MULTILINE) and "\n" in paragraph:
        return (
            paragraph.replace("``", "`") if paragraph[0].isdigit() else f"```text\n{paragraph}\n```"
        )
    return " ".join(paragraph.split()).replace("``", "`")
