"""Edits a terraform.tfvars and leaves every other character as it was: comments, line ends and a BOM.

An edit finds its place in the text by a scanner of HCL's tokens, and it is written only if Terraform reads
the change from it that was intended, so a text that the scanner misunderstands is refused and never damaged.
https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.hcl import decode_hcl
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"(?P<blank>[ \t\ufeff]+)|(?P<newline>\r?\n)|(?P<comment>#[^\n]*(?<!\r)|//[^\n]*(?<!\r)|/\*.*?\*/)"
    r"|<<-?(?P<heredoc>[^\W\d][\w.-]*)[ \t\r]*\n"
    r"|(?P<string>\")|(?P<word>\w[\w.-]*)|(?P<operator>==|=>|[!<>]=)|(?P<mark>.)",
    re.DOTALL,
)
_TEMPLATE = re.compile(r"\$\$\{|%%\{|(?P<start>[$%]\{)|(?P<end>\")|\\.|.", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[nrt\"\\]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")
_OPENING, _CLOSING = "{[(", "}])"


@dataclass(frozen=True)
class Span:
    """A part of the text: from ``start`` up to ``end``, which is not part of it."""

    start: int
    end: int


@dataclass(frozen=True)
class Attribute:
    """One ``name = value``.

    ``name`` is None if it is an expression. ``inside`` is the span between the braces of an object, and
    None for any other value. ``commas`` are the positions of the commas that separate it from the
    attributes before and after it; None where a line end does, or nothing.
    """

    name: str | None
    whole: Span
    value: Span
    inside: Span | None
    commas: tuple[int | None, int | None]


@dataclass(frozen=True)
class _Token:
    kind: str
    start: int
    end: int
    text: str


def find_attribute(text: str, *path: str) -> Attribute | None:
    """Return the attribute at ``path``, which leads through objects; None when it does not exist.

    Raises CommandError when an attribute on the way is not written as an object in braces.
    """
    inside, attribute = Span(0, len(text)), None
    for index, name in enumerate(path):
        attribute = next((each for each in _attributes(text, inside) if each.name == name), None)
        if attribute is None or index == len(path) - 1:
            return attribute
        if attribute.inside is None:
            raise _not_an_object(".".join(path[: index + 1]))
        inside = attribute.inside
    return None


def repeated_names(text: str) -> list[str]:
    """Return the path of every key that an object has twice; Terraform would use only the last one."""
    return list(_repeated_names(text, Span(0, len(text)), ""))


def add_stanza(text: str, stanza: str) -> str:
    """Return ``text`` with ``stanza``, whole lines, as the last tenant and with the text's line ends.

    Raises CommandError when there is no ``tenants = {``.
    """
    tenants = find_attribute(text, "tenants")
    if tenants is not None and tenants.inside is None:
        raise _not_an_object("tenants")
    if tenants is None or tenants.inside is None:
        raise CommandError("terraform.tfvars has no `tenants = {`; add it before adding a tenant.")
    newline = _newline(text)
    lines = stanza.replace("\n", newline)
    closing = tenants.inside.end
    line = text.rfind("\n", 0, closing) + 1
    if text[line:closing].strip(" \t"):  # the closing brace has no line of its own
        before = text[:closing].rstrip(" \t")
        return f"{before}{newline}{lines}{text[closing:]}"
    previous_line = text[: line - 1].rpartition("\n")[2].strip()
    gap = newline if previous_line and not previous_line.endswith("{") else ""
    return f"{text[:line]}{gap}{lines}{text[line:]}"


def replace_span(text: str, span: Span, value: str) -> str:
    """Return ``text`` with ``value`` in place of ``span``."""
    return f"{text[: span.start]}{value}{text[span.end :]}"


def remove_attribute(text: str, attribute: Attribute) -> str:
    """Return ``text`` without an attribute and without the comma or the empty line it would leave."""
    start, end = attribute.whole.start, attribute.whole.end
    before, after = text[:start], text[end:]
    comma_before, comma_after = attribute.commas
    if comma_before is not None:
        comment = text[comma_before + 1 : start].rstrip(" \t")
        return text[:comma_before] + comment + after
    if comma_after is not None:
        after = text[end:comma_after] + text[comma_after + 1 :]
    starts_line = not before.rpartition("\n")[2].strip(" \t")
    if starts_line and (line_end := re.match(r"[ \t]*\r?\n", after)):
        return before.rstrip(" \t") + after[line_end.end() :]
    return before + after.lstrip(" \t")


def read_text(path: Path) -> str:
    """Return a file's text with its line ends and its BOM; CommandError when it is not UTF-8."""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise CommandError(
            f"{path.relative_to(ROOT)} is not UTF-8 text; save the file as UTF-8."
        ) from None


def replace_file(path: Path, text: str, expected: dict[str, Any]) -> None:
    """Replace a tfvars file by ``text`` at once, if Terraform reads ``expected`` from it.

    Raises CommandError, and leaves the file as it was, when Terraform reads something else.
    """
    try:
        values = decode_hcl(text.encode())
    except CommandError as error:
        problem = f"the result would not be valid HCL, {error.args[0].rstrip('.')}"
    else:
        problem = "" if values == expected else "the result would have another meaning"
    if problem:
        raise CommandError(
            f"{path.name} is written in a way that this command cannot edit: {problem}. "
            "Nothing was changed; edit the file by hand."
        )
    file = path.resolve()  # a link stays a link
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as partial:
        try:
            partial.write(text.encode())
            partial.flush()
            os.fsync(partial.fileno())
            Path(partial.name).chmod(file.stat().st_mode)
            Path(partial.name).replace(file)
        except BaseException:
            Path(partial.name).unlink()
            raise


def _not_an_object(path: str) -> CommandError:
    return CommandError(
        f"{path} is not written as {{ … }} in terraform.tfvars, so this command cannot edit it. "
        "Nothing was changed; edit the file by hand."
    )


def _newline(text: str) -> str:
    """Return the line end that most lines of ``text`` have."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def _repeated_names(text: str, inside: Span, path: str) -> Iterator[str]:
    attributes = list(_attributes(text, inside))
    names = [attribute.name for attribute in attributes if attribute.name is not None]
    yield from (f"{path}{name}" for name in sorted({n for n in names if names.count(n) > 1}))
    for attribute in attributes:
        if attribute.inside is not None and attribute.name is not None:
            yield from _repeated_names(text, attribute.inside, f"{path}{attribute.name}.")


def _attributes(text: str, inside: Span) -> Iterator[Attribute]:
    """Yield the attributes of an object or of the file; line ends and commas separate them."""
    depth = 0
    comma: int | None = None
    tokens: list[_Token] = []
    end = _Token("newline", inside.end, inside.end, "")
    for token in [*_tokens(text, inside), end]:
        if token.kind in {"blank", "comment"}:
            continue
        if depth == 0 and (token.kind == "newline" or token.text == ","):
            next_comma = token.start if token.text == "," else None
            if attribute := _attribute(text, tokens, (comma, next_comma)):
                yield attribute
            comma, tokens = next_comma, []
        elif token.kind != "newline":
            depth += _depth(token)
            tokens.append(token)


def _attribute(
    text: str, tokens: list[_Token], commas: tuple[int | None, int | None]
) -> Attribute | None:
    """Return the attribute that consists of ``tokens``; None if they have no key and value."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += _depth(token)
        if depth == 0 and token.text in {"=", ":"} and 0 < index < len(tokens) - 1:
            key, value = tokens[:index], tokens[index + 1 :]
            return Attribute(
                name=_name(text, key),
                whole=Span(key[0].start, value[-1].end),
                value=Span(value[0].start, value[-1].end),
                inside=_inside(_without_parentheses(value)),
                commas=commas,
            )
    return None


def _name(text: str, key: list[_Token]) -> str | None:
    """Return the name that a key is: an identifier, a number or a string, with or without parentheses."""
    tokens = _without_parentheses(key)
    if len(tokens) != 1:
        return None
    (token,) = tokens
    if token.kind == "word":
        return token.text if tokens == key or token.text[0].isdigit() else None
    content = text[token.start + 1 : token.end - 1]
    if token.kind != "string" or "${" in content or "%{" in content:
        return None
    return _ESCAPE.sub(_unescaped, content)


def _unescaped(escape: re.Match[str]) -> str:
    kind = escape[0][1]
    if kind in "uU":
        return chr(int(f"0x{escape[0][2:]}", 0))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(kind, kind)


def _without_parentheses(tokens: list[_Token]) -> list[_Token]:
    while len(tokens) > 2 and tokens[0].text == "(" and _closes_last(tokens):
        tokens = tokens[1:-1]
    return tokens


def _inside(tokens: list[_Token]) -> Span | None:
    """Return the span between the braces if ``tokens`` are one object."""
    if len(tokens) < 2 or tokens[0].text != "{" or not _closes_last(tokens):
        return None
    return Span(tokens[0].end, tokens[-1].start)


def _closes_last(tokens: list[_Token]) -> bool:
    """Whether the first token is a bracket that the last one closes."""
    depth = 0
    for token in tokens[:-1]:
        depth += _depth(token)
        if depth == 0:
            return False
    return depth + _depth(tokens[-1]) == 0


def _depth(token: _Token) -> int:
    if token.kind != "mark":
        return 0
    return (token.text in _OPENING) - (token.text in _CLOSING)


def _tokens(text: str, span: Span) -> Iterator[_Token]:
    """Yield the tokens of a part of the text; a string or a heredoc is one token."""
    position = span.start
    while position < span.end:
        match = _TOKEN.match(text, position)
        if match is None:  # a comment that never ends
            return
        kind, end = match.lastgroup or "", match.end()
        if kind == "string":
            end = _string_end(text, end)
        elif kind == "heredoc":
            end = _heredoc_end(text, end, match["heredoc"])
        yield _Token(kind, position, end, text[position:end])
        position = end


def _string_end(text: str, position: int) -> int:
    """Return where a string ends whose opening quote is just before ``position``."""
    while match := _TEMPLATE.match(text, position):
        position = match.end()
        if match["end"]:
            break
        if match["start"]:
            position = _template_end(text, position)
    return position


def _template_end(text: str, position: int) -> int:
    """Return where a template ends whose opening brace is just before ``position``."""
    depth = 1
    for token in _tokens(text, Span(position, len(text))):
        depth += _depth(token)
        if depth == 0:
            return token.end
    return len(text)


def _heredoc_end(text: str, position: int, marker: str) -> int:
    """Return where the last line of a heredoc ends, before its line end."""
    end = re.compile(rf"^[ \t]*{re.escape(marker)}(?=[ \t]*\r?$)", re.MULTILINE).search(
        text, position
    )
    return len(text) if end is None else end.end()
