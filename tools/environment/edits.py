"""Edits a terraform.tfvars and leaves every other character, comments included, as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tools.command_error import CommandError

# Braces and names inside strings and comments mean nothing, so a string or a comment is one token.
_TOKEN = re.compile(
    r'(?P<comment>#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<name>"(?:\\.|[^"\\])*"|[A-Za-z_][\w-]*)|(?P<brace>[{}()\[\]])',
    re.DOTALL,
)
_ASSIGNMENT = re.compile(r'\s*[=:]\s*(?P<value>\{|"(?:\\.|[^"\\])*"|null\b)')


@dataclass(frozen=True)
class Span:
    """A part of the text: from ``start`` up to ``end``, which is not part of it."""

    start: int
    end: int


@dataclass(frozen=True)
class Attribute:
    """One ``name = value``. When the value is an object, ``value`` is the span between its braces."""

    whole: Span
    value: Span


def find_attribute(text: str, *path: str) -> Attribute | None:
    """Return the attribute at ``path``, which leads through objects; None when it does not exist."""
    span, attribute = Span(0, len(text)), None
    for name in path:
        attribute = _member(text, span, name)
        if attribute is None:
            return None
        span = attribute.value
    return attribute


def add_stanza(text: str, stanza: str) -> str:
    """Return ``text`` with ``stanza`` as the last tenant.

    Raises CommandError when there is no ``tenants = {`` or when it is never closed.
    """
    tenants = find_attribute(text, "tenants")
    if tenants is None:
        raise CommandError("terraform.tfvars has no `tenants = {`; add it before adding a tenant.")
    closing = tenants.value.end
    before = text[:closing].rstrip()
    gap = "\n\n" if before[-1] == "}" else "\n"
    return f"{before}{gap}{stanza}{text[closing:]}"


def replace_span(text: str, span: Span, value: str) -> str:
    """Return ``text`` with ``value`` in place of ``span``."""
    return f"{text[: span.start]}{value}{text[span.end :]}"


def remove_attribute(text: str, whole: Span) -> str:
    """Return ``text`` without an attribute and without the comma or the empty line it would leave."""
    before, after = text[: whole.start], text[whole.end :]
    if (trimmed := before.rstrip()).endswith(","):
        return trimmed.removesuffix(",") + after
    if comma := re.match(r"[^\S\n]*,[^\S\n]*", after):
        return before + after[comma.end() :]
    if line_end := re.match(r"[^\S\n]*\n", after):
        return before.rstrip(" \t") + after[line_end.end() :]
    return before + after.lstrip(" \t")


def _member(text: str, span: Span, name: str) -> Attribute | None:
    """Return the attribute ``name`` of the object inside ``span``, ignoring nested objects."""
    depth = 0
    for token in _TOKEN.finditer(text, span.start, span.end):
        if brace := token["brace"]:
            depth += 1 if brace in "{[(" else -1
        elif token["name"] and depth == 0 and token["name"].strip('"') == name:
            assignment = _ASSIGNMENT.match(text, token.end(), span.end)
            if assignment is None:
                continue
            value = Span(assignment.start("value"), assignment.end("value"))
            if assignment["value"] == "{":
                value = Span(value.end, _closing_brace(text, value.end, name))
                return Attribute(Span(token.start(), value.end + 1), value)
            return Attribute(Span(token.start(), value.end), value)
    return None


def _closing_brace(text: str, position: int, name: str) -> int:
    """Return the position of the brace that closes the one just before ``position``."""
    depth = 1
    for token in _TOKEN.finditer(text, position):
        depth += {"{": 1, "}": -1}.get(token["brace"] or "", 0)
        if depth == 0:
            return token.start()
    raise CommandError(f"terraform.tfvars never closes its `{name} = {{`; add the missing brace.")
