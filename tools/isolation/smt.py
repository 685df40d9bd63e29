"""Build formulas as SMT-LIB 2.6 text, which both solvers read.

https://smt-lib.org/theories-UnicodeStrings.shtml
https://smt-lib.org/theories-FixedSizeBitVectors.shtml
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from ipaddress import IPv4Network, IPv6Network

TRUE, FALSE = "true", "false"


class Wildcard(Enum):
    """The texts that a wildcard matches, as a regular expression."""

    ANY = "re.all"
    ONE = "re.allchar"
    ANY_BUT_COLONS = r'(re.* (re.union (re.range "\u{0}" "9") (re.range ";" "\u{2ffff}")))'
    ONE_BUT_A_COLON = r'(re.union (re.range "\u{0}" "9") (re.range ";" "\u{2ffff}"))'


Pattern = tuple["str | Wildcard", ...]
"""Literal texts and wildcards, in order."""


def and_(parts: Iterable[str]) -> str:
    """Return the conjunction of the parts, which is true if there are none."""
    operands = [part for part in dict.fromkeys(parts) if part != TRUE]
    if FALSE in operands:
        return FALSE
    return _apply("and", operands) or TRUE


def or_(parts: Iterable[str]) -> str:
    """Return the disjunction of the parts, which is false if there are none."""
    operands = [part for part in dict.fromkeys(parts) if part != FALSE]
    if TRUE in operands:
        return TRUE
    return _apply("or", operands) or FALSE


def not_(part: str) -> str:
    """Return the negation of the part."""
    return {TRUE: FALSE, FALSE: TRUE}.get(part) or f"(not {part})"


def ite(condition: str, then: str, otherwise: str) -> str:
    """Return a formula that is ``then`` if the condition is true, and ``otherwise`` if not."""
    return then if then == otherwise else f"(ite {condition} {then} {otherwise})"


def equal(left: str, right: str) -> str:
    """Return a formula that is true if both terms have the same value."""
    return f"(= {left} {right})"


def symbol(name: str) -> str:
    """Quote a variable's name. Raises ValueError for the two characters that cannot be quoted."""
    if "|" in name or "\\" in name:
        raise ValueError(f"{name!r} cannot be a variable's name.")
    return f"|{name}|"


def text(value: str) -> str:
    """Write a string literal."""
    escapes = (c if " " <= c <= "~" and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in value)
    return '"' + "".join(escapes) + '"'


def matches(variable: str, pattern: Pattern) -> str:
    """Return the simplest formula that is true if the variable's whole text matches the pattern."""
    pieces = _normal_form(pattern)
    match pieces:
        case []:
            return equal(variable, text(""))
        case [str(literal)]:
            return equal(variable, text(literal))
        case [Wildcard.ANY]:
            return TRUE
        case [str(literal), Wildcard.ANY]:
            return _has_prefix(variable, text(literal)[1:-1])
    regexes = [p.value if isinstance(p, Wildcard) else f"(str.to_re {text(p)})" for p in pieces]
    return f"(str.in_re {variable} {_apply('re.++', regexes)})"


def prefix_lemmas(formulas: Iterable[str]) -> Iterator[str]:
    """Yield that a text with a prefix also has each shorter prefix of it that the formulas name.

    This is always true, and z3 may not find it: it then returns unknown after its time-out.
    """
    prefixes = {found for formula in formulas for found in _PREFIX.findall(formula)}
    shorter: list[tuple[str, str]] = []  # on the same variable, each a prefix of the next
    for variable, literal in sorted((variable, literal) for literal, variable in prefixes):
        while shorter and not (shorter[-1][0] == variable and literal.startswith(shorter[-1][1])):
            shorter.pop()
        if shorter:
            parts = (_has_prefix(variable, text) for text in (literal, shorter[-1][1]))
            yield f"(=> {' '.join(parts)})"
        shorter.append((variable, literal))


# The literal between its quotation marks, and the variable. Literals are compared with their escapes, and none
# ends within one.
_PREFIX = re.compile(r'\(str\.prefixof "([^"]*)" (\|[^|]*\|)\)')


def _has_prefix(variable: str, literal: str) -> str:
    return f'(str.prefixof "{literal}" {variable})'


def matches_ignoring_case(variable: str, literal: str) -> str:
    """Return a formula that is true if the texts differ at most in the case of ASCII letters."""
    letters = []
    for letter in literal:
        cases = dict.fromkeys((letter.lower(), letter.upper()))
        letters.append(_apply("re.union", [f"(str.to_re {text(case)})" for case in cases]))
    return f"(str.in_re {variable} {_apply('re.++', letters or [_EMPTY])})"


_EMPTY = '(str.to_re "")'


def in_network(address: str, is_v6: str, network: IPv4Network | IPv6Network) -> str:
    """Return a formula that is true if the address is in the network.

    An address has 128 bits; IPv4 uses the last 32 of them.
    """
    width, length = network.max_prefixlen, network.prefixlen
    family = is_v6 if network.version == 6 else not_(is_v6)
    if length == 0:
        return family
    prefix = f"{int(network.network_address):0{width}b}"[:length]
    return and_(
        [family, equal(f"((_ extract {width - 1} {width - length}) {address})", f"#b{prefix}")]
    )


def _apply(operator: str, operands: Sequence[str]) -> str:
    """Apply the operator where there are two operands or more; no operands give the empty text."""
    if len(operands) < 2:
        return "".join(operands)
    return f"({operator} {' '.join(operands)})"


def _normal_form(pattern: Pattern) -> list[str | Wildcard]:
    """Drop empty texts and the repeats of ANY, and join neighbouring texts."""
    pieces: list[str | Wildcard] = []
    for piece in pattern:
        if piece == "":
            continue
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        elif pieces and piece is Wildcard.ANY and pieces[-1] is Wildcard.ANY:
            continue
        else:
            pieces.append(piece)
    return pieces
