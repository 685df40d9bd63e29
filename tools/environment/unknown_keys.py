"""Finds what Terraform would drop from a tfvars file without a word.

An attribute that an object type does not have, and the first of two entries with the same key, are
both left out silently:
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
    """A sentence for every key of ``tfvars`` that ``variables`` does not declare or that is twice there.

    ``variables`` is the first of the files that declare them; the others begin with its name. A file
    that is not HCL gives one sentence, with the line.
    """
    name = f"{tfvars.parent.name}/{tfvars.name}"
    types = {
        block.name_labels[0]: dict(_attributes(block))["type"]
        for declaring in sorted(variables.parent.glob(f"{variables.stem}*{variables.suffix}"))
        for block in DocumentView.parse_file(str(declaring)).blocks("variable")
        if isinstance(block, BlockView)
    }
    try:
        values = _attributes(DocumentView.parse_file(str(tfvars)))
    except UnexpectedInput as error:
        return [f"{name}: line {error.line} is not valid HCL; `terraform fmt` says what is wrong."]
    return [f"{name}: {problem}" for problem in _members(values, types, "")]


def _members(values: Entries, types: dict[str, NodeView], path: str) -> Iterator[str]:
    """The problems of an object's attributes, or of the file's variables."""
    yield from _twice(values, path)
    for name, value in values:
        if name in types:
            yield from _value(value, types[name], f"{path}{name}")
        else:
            yield f"{path}{name} is not a key that is known here; {_instead(name, types)}"


def _value(value: NodeView, declared: NodeView, path: str) -> Iterator[str]:
    """The problems of one value. A value of another kind than declared is Terraform's to refuse."""
    value, declared = _bare(value), _bare(declared)
    if not isinstance(declared, FunctionCallView):
        return
    inner = _bare(declared.args[0])
    if declared.name == "optional":
        yield from _value(value, inner, path)
    elif isinstance(value, ObjectView) and isinstance(inner, ObjectView):
        yield from _members(_entries(value), dict(_entries(inner)), f"{path}.")
    elif isinstance(value, ObjectView):
        yield from _twice(_entries(value), f"{path}.")
        for name, item in _entries(value):
            yield from _value(item, inner, f"{path}.{name}")
    elif isinstance(value, TupleView):
        for index, item in enumerate(value.elements):
            yield from _value(item, inner, f"{path}[{index}]")


def _twice(values: Entries, path: str) -> Iterator[str]:
    names = [name for name, _ in values]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{path}{name} is written twice, and only the last would count; merge the two."


def _instead(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"write one of {', '.join(sorted(known))}."


def _attributes(body: DocumentView | BlockView) -> Entries:
    return [(a.name, a.value_node) for a in body.attributes() if isinstance(a, AttributeView)]


def _entries(value: ObjectView) -> Entries:
    return [(name.strip('"'), item) for name, item in value.entries]


def _bare(view: NodeView) -> NodeView:
    """The expression itself: the parser wraps each in a term, with or without parentheses."""
    node = view.raw
    while isinstance(node, ExprTermRule):
        node = node.expression
    return view_for(node)
