"""Finds attributes in the text of an HCL file by a scanner of its tokens, with their places in the text.

https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"(?P<blank>[ \t\ufeff]+)|(?P<newline>\r?\n)|(?P<comment>#[^\n]*(?<!\r)|//[^\n]*(?<!\r)|/\*.*?\*/)"
    r"|<<-?(?P<heredoc>[^\W\d][\w.-]*)[ \t\r]*\n"
    r"|(?P<plain>\"[^\"\\$%]*\")|(?P<string>\")|(?P<word>\w[\w.-]*)|(?P<operator>==|=>|[!<>]=)|(?P<mark>.)",
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


class _Token(NamedTuple):
    kind: str
    start: int
    end: int
    text: str


class _Object:
    """An object, or the file, that ``repeated_names`` reads token by token."""

    def __init__(self, path: str) -> None:
        self.repeated: set[str] = set()
        self._path = path
        self._names: set[str] = set()
        self._key: list[_Token] = []
        self._name: str | None = None
        # "key", "start" (of a value, after its opening parentheses if it has some) or "value".
        self._place = "key"
        self._depth = 0

    def is_closed_by(self, token: _Token) -> bool:
        """Whether the token is this object's closing brace."""
        return self._depth == 0 and token.text == "}"

    def take(self, text: str, token: _Token) -> str | None:
        """Take the next token; returns the path of the object that it opens, if it is the whole value."""
        if self._depth == 0 and (token.kind == "newline" or token.text == ","):
            self._place, self._key = "key", []
        elif token.kind == "newline":
            return None
        elif self._place == "key" and self._depth == 0 and self._key and token.text in {"=", ":"}:
            self._begin_value(_name(text, self._key))
        elif self._place == "start" and token.text == "{" and self._name is not None:
            self._place = "value"
            return f"{self._path}{self._name}."
        else:
            self._depth += _depth(token)
            if self._place == "key":
                self._key.append(token)
            elif token.text != "(":
                self._place = "value"
        return None

    def _begin_value(self, name: str | None) -> None:
        self._place, self._name = "start", name
        if name in self._names:
            self.repeated.add(f"{self._path}{name}")
        elif name is not None:
            self._names.add(name)


def find_attribute(text: str, *path: str) -> Attribute | None:
    """Return the attribute at ``path``, which leads through objects; None when it does not exist.

    The text behind the attribute is not read. Raises CommandError when an attribute on the way is not written as an
    object in braces.
    """
    start = 0
    for index, name in enumerate(path[:-1], start=1):
        place = _value_start(text, start, name)
        if place is None:
            return None
        if text[place] != "{":
            raise not_an_object(".".join(path[:index]))
        start = place + 1
    attributes = _attributes(text, Span(start, len(text)))
    return next((item for item in attributes if item.name == path[-1]), None)


def repeated_names(text: str) -> list[str]:
    """Return the path of every key that an object has twice; Terraform would use only the last one.

    A text that is not valid HCL has whatever paths are found in it.
    """
    objects = [_Object("")]
    repeated = [objects[0].repeated]
    for token in _significant_tokens(text, Span(0, len(text))):
        if len(objects) > 1 and objects[-1].is_closed_by(token):
            objects.pop()
        elif path := objects[-1].take(text, token):
            objects.append(_Object(path))
            repeated.append(objects[-1].repeated)
    return [name for names in repeated for name in sorted(names)]


def not_an_object(path: str) -> CommandError:
    """Return the error to raise when an attribute is not written as an object in braces."""
    return CommandError(
        f"{path} is not written as {{ … }}, so this command cannot edit it. "
        "Nothing was changed; edit the file by hand."
    )


def _value_start(text: str, start: int, name: str) -> int | None:
    """Return where the value of an attribute begins, in the object or the file whose content begins at ``start``."""
    depth = 0
    key: list[_Token] = []
    is_found = False
    for token in _significant_tokens(text, Span(start, len(text))):
        if is_found:
            if token.text != "(":
                return token.start
            continue
        if depth == 0 and token.text in {"=", ":"} and key:
            is_found = _name(text, key) == name
        if depth == 0 and token.text == "}":
            return None
        if depth == 0 and (token.kind == "newline" or token.text == ","):
            key = []
        elif token.kind != "newline":
            depth += _depth(token)
            key.append(token)
    return None


def _attributes(text: str, inside: Span) -> Iterator[Attribute]:
    """Yield the attributes of an object or of the file, up to the end or a brace that closes the object.

    Line ends and commas separate them.
    """
    depth = 0
    comma: int | None = None
    tokens: list[_Token] = []
    end = _Token("newline", inside.end, inside.end, "")
    for token in chain(_significant_tokens(text, inside), [end]):
        is_last = depth == 0 and token.text == "}"
        if depth == 0 and (token.kind == "newline" or token.text == "," or is_last):
            next_comma = token.start if token.text == "," else None
            if attribute := _attribute(text, tokens, (comma, next_comma)):
                yield attribute
            comma, tokens = next_comma, []
            if is_last:
                return
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


def _significant_tokens(text: str, span: Span) -> Iterator[_Token]:
    """Yield the tokens without blanks and comments."""
    return (token for token in _tokens(text, span) if token.kind not in {"blank", "comment"})


def _tokens(text: str, span: Span) -> Iterator[_Token]:
    """Yield the tokens of a part of the text; a string or a heredoc is one token."""
    position = span.start
    while position < span.end:
        match = _TOKEN.match(text, position)
        if match is None:  # a comment that never ends
            return
        kind, end = match.lastgroup or "", match.end()
        if kind == "plain":  # a string without escapes and templates, in one step because most are
            kind = "string"
        elif kind == "string":
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
