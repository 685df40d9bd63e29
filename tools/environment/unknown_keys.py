"""Finds the keys of a tfvars file that Terraform would drop silently.

Terraform drops an attribute that an object type does not have, and all but the last of several entries
with the same key:
https://developer.hashicorp.com/terraform/language/expressions/type-constraints#conversion-of-complex-types
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from hcl2.query import (
    AttributeView,
    BlockView,
    DocumentView,
    FunctionCallView,
    NodeView,
    ObjectView,
    TupleView,
    view_for,
)
from hcl2.rules.expressions import ExprTermRule
from lark.exceptions import UnexpectedInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Entries = list[tuple[str, NodeView]]


def unknown_keys(tfvars: Path, variables: Path) -> list[str]:
    """Return a sentence for every key of ``tfvars`` that is undeclared or duplicated.

    ``variables`` is the first of the files that declare the variables; the others begin with its
    name. A file that is not valid HCL gives one sentence with the line.
    """
    name = f"{tfvars.parent.name}/{tfvars.name}"
    types = {
        block.name_labels[0]: dict(_attributes(block))["type"]
        for file in sorted(variables.parent.glob(f"{variables.stem}*{variables.suffix}"))
        for block in DocumentView.parse_file(str(file)).blocks("variable")
        if isinstance(block, BlockView)
    }
    try:
        values = _attributes(DocumentView.parse_file(str(tfvars)))
    except UnexpectedInput as error:
        return [
            f"{name}: line {error.line} is not valid HCL; run `terraform fmt` to see the reason."
        ]
    return [f"{name}: {problem}" for problem in _object_problems(values, types, "")]


def _object_problems(values: Entries, types: dict[str, NodeView], path: str) -> Iterator[str]:
    """Yield the problems of an object's attributes, or of the file's variables."""
    yield from _duplicates(values, path)
    for name, value in values:
        if name in types:
            yield from _value_problems(value, types[name], f"{path}{name}")
        else:
            yield f"{path}{name} is not a known key; {_suggestion(name, types)}"


def _value_problems(value: NodeView, type_view: NodeView, path: str) -> Iterator[str]:
    """Yield the problems of one value. Terraform itself refuses a value of the wrong type."""
    value, type_view = _expression(value), _expression(type_view)
    if not isinstance(type_view, FunctionCallView):
        return
    inner = _expression(type_view.args[0])
    if type_view.name == "optional":
        yield from _value_problems(value, inner, path)
    elif isinstance(value, ObjectView) and isinstance(inner, ObjectView):
        yield from _object_problems(_entries(value), dict(_entries(inner)), f"{path}.")
    elif isinstance(value, ObjectView):
        yield from _duplicates(_entries(value), f"{path}.")
        for name, item in _entries(value):
            yield from _value_problems(item, inner, f"{path}.{name}")
    elif isinstance(value, TupleView):
        for index, item in enumerate(value.elements):
            yield from _value_problems(item, inner, f"{path}[{index}]")


def _duplicates(values: Entries, path: str) -> Iterator[str]:
    names = [name for name, _ in values]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{path}{name} is written twice and only the last one would count; merge the two."


def _suggestion(name: str, known_names: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, known_names, n=1)
    if matches:
        return f"did you mean {matches[0]}?"
    return f"write one of {', '.join(sorted(known_names))}."


def _attributes(body: DocumentView | BlockView) -> Entries:
    return [(a.name, a.value_node) for a in body.attributes() if isinstance(a, AttributeView)]


def _entries(value: ObjectView) -> Entries:
    return [(name.strip('"'), item) for name, item in value.entries]


def _expression(view: NodeView) -> NodeView:
    """Return the expression itself; the parser wraps each in a term, with or without parentheses."""
    node = view.raw
    while isinstance(node, ExprTermRule):
        node = node.expression
    return view_for(node)
