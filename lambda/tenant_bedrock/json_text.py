r"""JSON text of values of any depth, written so that CloudWatch Logs can mask it without breaking it.

A data protection policy replaces what it finds by asterisks and knows nothing of JSON. In ordinary
JSON a line break is a backslash and the letter n, which stands directly before the next word, so
``\nann@example.com`` is read as the address ``nann@example.com``: the mask leaves ``\****``, which
is not JSON, and an identifier that needs a word boundary finds nothing. Therefore ``encode`` writes
each control character as its symbol in Unicode's block Control Pictures, which is one character
and no letter: https://www.unicode.org/charts/PDF/U2400.pdf. The escapes that remain, of quotation
marks and backslashes, hold neither letters nor digits.

A number that an IEEE double cannot hold is a string of its digits here, because many readers of JSON
refuse or change such a number, Python among them from 4,301 digits on:
https://www.rfc-editor.org/rfc/rfc8259#section-6
"""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Readers have limits of their own: jq before 1.7 reads 256 levels, Python 3.11 about 990.
MAX_DEPTH = 250

# Every integer of at most so many digits is in the range of a double.
_SAFE_DIGITS = sys.float_info.max_10_exp
_LARGE_NUMBER = re.compile(rf"[:,\[-][0-9]{{{_SAFE_DIGITS + 1}}}")

_NOTHING = object()
_QUOTE = "\u2426"  # precedes a symbol that was already in the text
# JSON's escapes of the control characters with their symbols; most have six characters, as \u001b.
_ESCAPES = [
    (json.dumps(chr(code))[1:-1].encode(), chr(0x2400 + code).encode()) for code in range(0x20)
]
_SHORT_ESCAPES = [(escape, symbol) for escape, symbol in _ESCAPES if len(escape) == 2]
_SYMBOL_PREFIX = _QUOTE.encode()[:2]  # the first two of the three bytes of all symbols
_SYMBOL = re.compile(b"\xe2\x90[\x80-\x9f\xa6]")
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BRACKET = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SHORT_CHARACTERS = {"/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LEXEME = re.compile(rf"{_STRING}|[\[\]{{}}:,]|[^\s\[\]{{}}:,\"]+", re.DOTALL)


def for_record(text: str) -> str:
    """JSON text from ``dumps`` as a record holds it.

    Control characters are written as symbols, and values below ``MAX_DEPTH`` levels as strings. An
    unpaired surrogate becomes ``?``, because CloudWatch refuses it.
    """
    if not text.isascii() or "\\" in text:
        text = encode(text.encode("utf-8", "replace")).decode()
    return _flatten(text)


def loads(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    """The value of a JSON text of any depth; raises ValueError if it is not JSON.

    A number beyond the range of a double, NaN and the infinities become strings of their text.
    """
    try:
        return _loads(text)
    except RecursionError:
        return _load_deep(text.decode() if isinstance(text, bytes) else text)


def _loads(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=str)


def _integer(text: str) -> int | float | str:
    if text == "-0":
        return -0.0  # Python's integers have no negative zero
    return int(text) if len(text.lstrip("-")) <= _SAFE_DIGITS else text


def _float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def unescaped(text: str) -> str:
    r"""JSON text that may be incomplete, with its escapes replaced by the characters that they mean.

    In a record such a text is a string inside JSON, where the escape ``\n`` would stand before the
    next word and hide it from masking. Quotation marks and backslashes remain escaped, so a reader
    of JSON that allows control characters in strings reads the same value as before.
    """
    text = _ESCAPE.sub(_character, text)
    # Two escapes of surrogates are one character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _character(escape: re.Match[str]) -> str:
    code, short = escape.groups()
    if short:
        return _SHORT_CHARACTERS.get(short, escape[0])
    character = chr(int(code, 16))
    return f"\\{character}" if character in '"\\' else character


def dumps(value: object, *, sort_keys: bool = False) -> str:
    """Any value of any depth as compact JSON text.

    Bytes become base64, as AWS sends them. NaN, the infinities, integers beyond the range of a
    double, unknown types and a value inside itself become strings.
    """
    try:
        text = (_SORTED_ENCODER if sort_keys else _ENCODER).encode(value)
    except (RecursionError, TypeError, ValueError):
        text = ""
    if not text or _LARGE_NUMBER.search(text):
        return "".join(_pieces(value, sort_keys=sort_keys))
    return text


def encode(text: bytes) -> bytes:
    """Write the control characters of a JSON text from ``dumps`` as symbols.

    A symbol that was in the text before is preceded by U+2426. A reader restores the text as
    ``tools/records/record_text.py`` does.
    """
    if _SYMBOL_PREFIX in text:
        text = _SYMBOL.sub(_QUOTE.encode() + rb"\g<0>", text)
    if b"\\" not in text:
        return text
    # JSON text holds no control characters, so one of them can stand for an escaped backslash.
    text = text.replace(rb"\\", b"\0")
    for escape, symbol in _ESCAPES if rb"\u" in text else _SHORT_ESCAPES:
        text = text.replace(escape, symbol)
    return text.replace(b"\0", rb"\\")


def _flatten(text: str) -> str:
    """Replace each value below ``MAX_DEPTH`` levels by a string of its JSON text."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return text
    pieces: list[str] = []
    end = start = depth = 0
    for token in _BRACKET.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                start = token.start()
        elif token[0] in "]}":
            if depth == MAX_DEPTH + 1:
                value = json.dumps(text[start : token.end()], ensure_ascii=False)
                pieces += [text[end:start], value]
                end = token.end()
            depth -= 1
    return "".join([*pieces, text[end:]])


def _load_deep(text: str) -> Any:  # noqa: ANN401 - JSON
    """Like ``json.loads`` without recursion, for text that is too deep for it."""
    root: list[Any] = []
    containers: list[Any] = [root]
    names: list[str] = []  # the name that waits for its value, if there is one
    for lexeme in _LEXEME.findall(text):
        if lexeme in "]}" and len(containers) > 1:
            containers.pop()
        elif lexeme not in ":,":
            is_container = lexeme in "{["
            value = {"{": {}, "[": []}[lexeme] if is_container else _loads(lexeme)
            if isinstance(containers[-1], list):
                containers[-1].append(value)
            elif names:
                containers[-1][names.pop()] = value
            else:
                names.append(value)
            if is_container:
                containers.append(value)
    if len(containers) > 1 or len(root) != 1:
        raise ValueError("The text is not complete JSON.")
    return root[0]


def _pieces(value: object, *, sort_keys: bool) -> Iterator[str]:
    """Yield the JSON text of a value without recursion, for what ``json.dumps`` does not take."""
    stack = [(iter([("", value)]), "", 0)]  # members of the open containers, their ends and ids
    open_ids = {0}
    while stack:
        members, end, container_id = stack[-1]
        before, item = next(members, (end, _NOTHING))
        yield before
        if item is _NOTHING:
            stack.pop()
            open_ids.remove(container_id)
        elif id(item) in open_ids:
            yield '"(contains itself)"'
        elif isinstance(item, (dict, list, tuple)):
            open_ids.add(id(item))
            start, end = "{}" if isinstance(item, dict) else "[]"
            yield start
            stack.append((_members(item, sort_keys=sort_keys), end, id(item)))
        else:
            yield _scalar(item)


def _members(
    container: dict[Any, object] | list[object] | tuple[object, ...], *, sort_keys: bool
) -> Iterator[tuple[str, object]]:
    """Yield each member and the text before it: a comma, and in an object its name."""
    comma = ""
    if isinstance(container, dict):
        named = [(_as_string(name), member) for name, member in container.items()]
        for name, member in sorted(named, key=itemgetter(0)) if sort_keys else named:
            yield f"{comma}{_ENCODER.encode(name)}:", member
            comma = ","
    else:
        for member in container:
            yield comma, member
            comma = ","


def _scalar(value: object) -> str:
    if isinstance(value, (int, float)) and not abs(value) <= sys.float_info.max:
        value = _as_string(value)
    return _ENCODER.encode(value)


def _as_string(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(Decimal(value))  # str refuses an integer of more than 4,300 digits
    return str(value)


def _encoder(*, sort_keys: bool) -> json.JSONEncoder:
    return json.JSONEncoder(
        allow_nan=False,
        default=_as_string,
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=sort_keys,
    )


_ENCODER = _encoder(sort_keys=False)
_SORTED_ENCODER = _encoder(sort_keys=True)
