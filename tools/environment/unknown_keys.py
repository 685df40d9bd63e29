"""Finds what a tfvars file says that Terraform would drop silently or take for something else.

Terraform drops an attribute that an object type does not have, and all but the last of several entries
with the same key. It takes null for an attribute that is left out where the attribute is optional; anywhere
else a null passes the type and fails later, without a sentence about the stanza.
https://developer.hashicorp.com/terraform/language/expressions/type-constraints#conversion-of-complex-types
"""

from __future__ import annotations

import difflib
import json
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Types = dict[str, NodeView]

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


def unknown_keys(text: str, values: Mapping[str, Any], variables: Path) -> list[str]:
    """Return a sentence for every key that is undeclared, repeated, of another type, or null and required.

    ``values`` are what Terraform reads from ``text``, a tfvars file. ``variables`` is the first of the
    files that declare the variables; the others begin with its name.
    """
    types: Types = {}
    nullable: set[str] = set()
    for file in sorted(variables.parent.glob(f"{variables.stem}*{variables.suffix}")):
        for block in DocumentView.parse_file(str(file)).blocks("variable"):
            if isinstance(block, BlockView):
                arguments = _attributes(block)
                types[block.name_labels[0]] = arguments["type"]
                if "default" in arguments:
                    nullable.add(block.name_labels[0])
    return [
        *(
            f"{path} is written twice and only the last one would count; merge the two."
            for path in repeated_names(text)
        ),
        *_object_problems(
            {n: v for n, v in values.items() if v is not None or n not in nullable}, types, ""
        ),
    ]


def _object_problems(values: Mapping[str, Any], types: Types, path: str) -> Iterator[str]:
    """Yield the problems of an object's attributes, or of the file's variables."""
    for name, value in values.items():
        if name in types:
            yield from _value_problems(value, types[name], f"{path}{name}")
        else:
            yield f"{path}{name} is not a known key; {_suggestion(name, types)}"


def _value_problems(value: Any, type_view: NodeView, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the problems of one value.

    Terraform would convert "1" to a number and "false" to a bool, and the commands would not:
    https://developer.hashicorp.com/terraform/language/expressions/type-constraints#conversion-of-primitive-types
    """
    type_view = _expression(type_view)
    constructor = type_view.name if isinstance(type_view, FunctionCallView) else ""
    if value is None:
        if constructor != "optional":
            yield f"{path} is null; write its value, or remove it."
        return
    kind = constructor or type_view.to_hcl().strip()
    if kind in _KINDS and not _is_of(kind, value):
        yield f"{path} is {_KINDS[kind][1]}, not {json.dumps(value, ensure_ascii=False)}."
    elif isinstance(type_view, FunctionCallView):
        yield from _problems_inside(value, type_view, path)


def _problems_inside(value: Any, type_view: FunctionCallView, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the problems of what a value of the constructor's type contains."""
    constructor = type_view.name
    inner = _expression(type_view.args[0])
    if constructor == "optional":
        yield from _value_problems(value, inner, path)
    elif constructor == "object" and isinstance(value, dict) and isinstance(inner, ObjectView):
        yield from _object_problems(value, _entries(inner), f"{path}.")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _value_problems(item, inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _value_problems(item, inner, f"{path}[{index}]")


def _is_of(kind: str, value: object) -> bool:
    """Whether a value of JSON is of this kind; Python's bool is a number, and Terraform's is not."""
    return isinstance(value, _KINDS[kind][0]) and (kind == "bool" or not isinstance(value, bool))


def _suggestion(name: str, known_names: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, known_names, n=1)
    if matches:
        return f"did you mean {matches[0]}?"
    return f"write one of {', '.join(sorted(known_names))}."


def _attributes(block: BlockView) -> Types:
    return {a.name: a.value_node for a in block.attributes() if isinstance(a, AttributeView)}


def _entries(value: ObjectView) -> Types:
    return {name.strip('"'): item for name, item in value.entries}


def _expression(view: NodeView) -> NodeView:
    """Return the expression itself; the parser wraps each in a term, with or without parentheses."""
    node = view.raw
    while isinstance(node, ExprTermRule):
        node = node.expression
    return view_for(node)
