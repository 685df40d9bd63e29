"""Edits to a terraform.tfvars that leave every other character, comments too, as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tools.cli.console import CommandError

# Strings and comments hold braces and names that mean nothing; they are stepped over whole.
_TOKEN = re.compile(
    r'(?P<comment>#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<name>"(?:\\.|[^"\\])*"|[A-Za-z_][\w-]*)|(?P<brace>[{}()\[\]])',
    re.DOTALL,
)
_GIVEN = re.compile(r'\s*[=:]\s*(?P<value>\{|"(?:\\.|[^"\\])*"|null\b)')


@dataclass(frozen=True)
class Span:
    """Where something stands in the text: from ``start`` up to but without ``end``."""

    start: int
    end: int


@dataclass(frozen=True)
class Attribute:
    """One ``name = value`` of an object; of an object's value, the span between its braces."""

    whole: Span
    value: Span


def attribute(text: str, *path: str) -> Attribute | None:
    """The attribute that the names lead to, through objects; None when one of them is not there."""
    within, found = Span(0, len(text)), None
    for name in path:
        found = _member(text, within, name)
        if found is None:
            return None
        within = found.value
    return found


def inserted(text: str, stanza: str) -> str:
    """``text`` with ``stanza`` as the last of its tenants.

    Raises CommandError when there is no ``tenants = {`` or it is never closed.
    """
    tenants = attribute(text, "tenants")
    if tenants is None:
        raise CommandError("terraform.tfvars has no `tenants = {`; add it before adding a tenant.")
    closing = tenants.value.end
    before = text[:closing].rstrip()
    gap = "\n\n" if before[-1] == "}" else "\n"
    return f"{before}{gap}{stanza}{text[closing:]}"


def replaced(text: str, span: Span, value: str) -> str:
    """``text`` with ``value`` where ``span`` is."""
    return f"{text[: span.start]}{value}{text[span.end :]}"


def without(text: str, whole: Span) -> str:
    """``text`` without an attribute of an object, and without the comma or the line it leaves behind."""
    before, after = text[: whole.start], text[whole.end :]
    if (kept := before.rstrip()).endswith(","):
        return kept.removesuffix(",") + after
    if comma := re.match(r"[^\S\n]*,[^\S\n]*", after):
        return before + after[comma.end() :]
    if own_line := re.match(r"[^\S\n]*\n", after):
        return before.rstrip(" \t") + after[own_line.end() :]
    return before + after.lstrip(" \t")


def _member(text: str, within: Span, name: str) -> Attribute | None:
    """The attribute ``name`` of the object whose inside is ``within``, and of no object in it."""
    depth = 0
    for token in _TOKEN.finditer(text, within.start, within.end):
        if brace := token["brace"]:
            depth += 1 if brace in "{[(" else -1
        elif token["name"] and depth == 0 and token["name"].strip('"') == name:
            given = _GIVEN.match(text, token.end(), within.end)
            if given is None:
                continue
            value = Span(given.start("value"), given.end("value"))
            if given["value"] == "{":
                value = Span(value.end, _closing_brace(text, value.end, name))
                return Attribute(Span(token.start(), value.end + 1), value)
            return Attribute(Span(token.start(), value.end), value)
    return None


def _closing_brace(text: str, position: int, name: str) -> int:
    """Where the brace that was opened just before ``position`` closes."""
    depth = 1
    for token in _TOKEN.finditer(text, position):
        depth += {"{": 1, "}": -1}.get(token["brace"] or "", 0)
        if depth == 0:
            return token.start()
    raise CommandError(f"terraform.tfvars never closes its `{name} = {{`; add the missing brace.")
