"""The reference of an environment's variables, from environments/variables*.tf."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.paths import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLE = re.compile(r'^variable "(?P<name>\w+)" \{$(?P<body>.*?)^\}$', re.MULTILINE | re.DOTALL)
_DESCRIPTION = re.compile(r'description = "(?P<text>.*)"')
_TYPE = re.compile(
    r"^  type += (?P<type>.*?)^  (?=default|nullable|[a-z]+ +=)", re.MULTILINE | re.DOTALL
)
_KEY = re.compile(
    r"^ *(?P<name>\w+) += (?P<type>.*?)(?: *# (?P<comment>.*))?$",
)
_OPTIONAL = re.compile(r"optional\((?P<type>.*?)(?:, (?P<default>[^()]*))?\)")
_CLOSING = re.compile(r"^ *\}\)+(?:, (?P<default>.*?))?\)*(?: *# .*)?$")

HEADER = """\
# The stanza and the other variables of an environment

`environments/<env>/terraform.tfvars` declares everything about an environment. A key that is not listed here is
an error, and so is a wrong value: `terraform plan` refuses it with the tenant's name and what to write instead.
`environments/prod/terraform.tfvars` uses every key. A stanza may also be
[a file of its own](../how-to/give-tenants-files-of-their-own.md), `environments/<env>/tenants/<tenant>.tfvars`.

<!-- `make docs` writes this page from environments/variables*.tf. -->
"""


@dataclass(frozen=True)
class Key:
    """One key of an object; ``path`` leads to it through maps and objects."""

    path: str
    type: str
    default: str
    comment: str


def stanza_page() -> str:
    """Return the page as Markdown."""
    parts = [HEADER]
    for file in sorted(ENVIRONMENTS.glob("variables*.tf")):
        variables = _VARIABLE.finditer(file.read_text())
        parts += [_described(variable["name"], variable["body"]) for variable in variables]
    return "\n".join(parts)


def _described(name: str, body: str) -> str:
    description = _DESCRIPTION.search(body)
    declared_type = _TYPE.search(body)
    if description is None or declared_type is None:
        raise ValueError(f"variable {name} has no description or no type")
    title = "tenants: the stanzas" if name == "tenants" else name
    lines = [f"## {title}\n", f"{description['text']}\n"]
    type_lines = declared_type["type"].rstrip().splitlines()
    if len(type_lines) == 1:
        default = re.search(r"^  default += (?P<value>.*)$", body, re.MULTILINE)
        value = f", default `{default['value']}`" if default else ", required"
        return "\n".join([*lines, f"Type `{type_lines[0].split(' #')[0]}`{value}.\n"])
    prefix = "<tenant>." if type_lines[0].startswith("map(") else ""
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{key.path}` | `{key.type}` | {key.default} | {key.comment} |"
        for key in _keys(type_lines[1:-1], prefix)
    ]
    return "\n".join([*lines, ""])


def _keys(lines: list[str], prefix: str) -> Iterator[Key]:
    """Yield the keys of an object type, depth first; a line opens, closes or declares one key."""
    paths = [prefix]
    for line in lines:
        if _CLOSING.match(line):
            paths.pop()
            continue
        key = _KEY.match(line)
        if key is None:
            raise ValueError(f"this line of a type cannot be read: {line}")
        path, declared, comment = paths[-1] + key["name"], key["type"], key["comment"] or ""
        if declared.endswith("({"):
            is_map = "map(object({" in declared
            paths.append(f"{path}.<name>." if is_map else f"{path}.")
            default = "none" if declared.startswith("optional(") else "required"
            yield Key(path, "map of objects" if is_map else "object", default, comment)
        elif optional := _OPTIONAL.fullmatch(declared):
            default = optional["default"]
            yield Key(path, optional["type"], f"`{default}`" if default else "none", comment)
        else:
            yield Key(path, declared, "required", comment)
