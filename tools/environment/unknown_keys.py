"""Finds what a tfvars file says that Terraform would drop silently or take for something else.

Terraform drops an attribute that an object type does not have, and all but the last of several entries
with the same key. It takes null for an attribute that is left out where the attribute is optional; anywhere
else a null passes the type and fails later, without a sentence about the stanza.
https://developer.hashicorp.com/terraform/language/expressions/type-constraints#conversion-of-complex-types
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from hcl2.query import (
    AttributeView,
    BlockView,
    DocumentView,
    FunctionCallView,
    NodeView,
    ObjectView,
    view_for,
)
from hcl2.rules.expressions import ExprTermRule

from tools.environment.hcl_text import repeated_names
from tools.iam.external_ids import external_ids_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Type:
    """A type constraint: ``kind`` is a primitive type or the name of what constructs another one."""

    kind: str
    attributes: dict[str, Type] = field(default_factory=dict)  # of an object
    inner: Type | None = None  # of the elements, or of what is optional


# The types of JSON in which Terraform writes a value of each kind, and what a user writes.
_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "bool": (bool, "true or false, without quotes"),
    "list": (list, "a list in [ ]"),
    "map": (dict, "a map in { }"),
    "number": ((int, float), "a number without quotes"),
    "object": (dict, "an object in { }"),
    "set": (list, "a list in [ ]"),
    "string": (str, "a text in quotes"),
}


def repeated_keys(text: str) -> list[str]:
    """Return a sentence for every key that an object in a tfvars file has twice; ``text`` may be no valid HCL."""
    return [
        f"{path} is written twice and only the last one would count; merge the two."
        for path in repeated_names(text)
    ]


def unknown_keys(values: Mapping[str, Any], variables: Path) -> list[str]:
    """Return a sentence for every key of a tfvars file that is undeclared, of another type, or null and required.

    ``variables`` is the first of the files that declare the variables; the others begin with its name.
    """
    types, nullable = declarations(variables)
    given = {n: v for n, v in values.items() if v is not None or n not in nullable}
    return list(_object_problems(given, types, ""))


def unknown_stanza_keys(
    stanzas: Mapping[str, Mapping[str, Any]], variables: Path
) -> dict[str, list[str]]:
    """Return the same sentences for each tenant with a file of its own, which has the attributes of the stanza."""
    constraint = declarations(variables)[0]["tenants"].inner
    if constraint is None:
        raise TypeError(f"{variables.name} does not declare tenants as a map of objects")
    return {
        tenant: list(_object_problems(stanza, constraint.attributes, ""))
        for tenant, stanza in stanzas.items()
    }


def declarations(variables: Path) -> tuple[dict[str, Type], set[str]]:
    """Return the type of each variable, and the names of the variables that have a default."""
    files = sorted(variables.parent.glob(f"{variables.stem}*{variables.suffix}"))
    return _declarations(tuple(file.read_text() for file in files))


@cache  # all environments have the same declarations
def _declarations(texts: tuple[str, ...]) -> tuple[dict[str, Type], set[str]]:
    types: dict[str, Type] = {}
    nullable: set[str] = set()
    for text in texts:
        for block in DocumentView.parse(text).blocks("variable"):
            if isinstance(block, BlockView):
                arguments = {
                    argument.name: argument.value_node
                    for argument in block.attributes()
                    if isinstance(argument, AttributeView)
                }
                types[block.name_labels[0]] = _type_of(arguments["type"])
                if "default" in arguments:
                    nullable.add(block.name_labels[0])
    return types, nullable


def _type_of(view: NodeView) -> Type:
    """Return the type constraint that an expression of a variable's ``type`` is."""
    view = _expression(view)
    if not isinstance(view, FunctionCallView):
        return Type(view.to_hcl().strip())
    argument = _expression(view.args[0])
    if isinstance(argument, ObjectView):
        entries = {name.strip('"'): _type_of(item) for name, item in argument.entries}
        return Type(view.name, attributes=entries)
    return Type(view.name, inner=_type_of(argument))


def _object_problems(
    values: Mapping[str, Any], types: Mapping[str, Type], path: str
) -> Iterator[str]:
    """Yield the problems of an object's attributes, or of the file's variables."""
    for name, value in values.items():
        if name in types:
            yield from _value_problems(value, types[name], f"{path}{name}")
        else:
            yield f"{path}{name} is not a known key; {_suggestion(name, types)}"


def _value_problems(value: Any, constraint: Type, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the problems of one value.

    Terraform would convert "1" to a number and "false" to a bool, and the commands would not:
    https://developer.hashicorp.com/terraform/language/expressions/type-constraints#conversion-of-primitive-types
    """
    kind, inner = constraint.kind, constraint.inner
    if value is None:
        if kind != "optional":
            yield f"{path} is null; write its value, or remove it."
    elif kind in _KINDS and not _is_of(kind, value):
        yield f"{path} is {_KINDS[kind][1]}{_instead(value, path)}."
    elif kind == "object":
        yield from _object_problems(value, constraint.attributes, f"{path}.")
    elif kind == "optional" and inner is not None:
        yield from _value_problems(value, inner, path)
    elif isinstance(value, dict) and inner is not None:
        for name, item in value.items():
            yield from _value_problems(item, inner, f"{path}.{name}")
    elif isinstance(value, list) and inner is not None:
        for index, item in enumerate(value):
            yield from _value_problems(item, inner, f"{path}[{index}]")


def _instead(value: Any, path: str) -> str:  # noqa: ANN401 - any JSON value
    """Return what is written in place of another value; nothing if an ExternalId is in it, or may be it."""
    document = value if isinstance(value, dict | list) else str(value)
    for name in reversed(path.replace("[", ".").split(".")):
        document = {"external_id" if name == "deployer" else name: document}
    return "" if external_ids_in(document) else f", not {json.dumps(value, ensure_ascii=False)}"


def _is_of(kind: str, value: object) -> bool:
    """Whether a value of JSON is of this kind; Python's bool is a number, and Terraform's is not."""
    return isinstance(value, _KINDS[kind][0]) and (kind == "bool" or not isinstance(value, bool))


def _suggestion(name: str, known_names: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, known_names, n=1)
    if matches:
        return f"did you mean {matches[0]}?"
    return f"write one of {', '.join(sorted(known_names))}."


def _expression(view: NodeView) -> NodeView:
    """Return the expression itself; the parser wraps each in a term, with or without parentheses."""
    node = view.raw
    while isinstance(node, ExprTermRule):
        node = node.expression
    return view_for(node)
