"""Build formulas as SMT-LIB 2.6 text, which both solvers read.

https://smt-lib.org/theories-UnicodeStrings.shtml
https://smt-lib.org/theories-FixedSizeBitVectors.shtml
"""

from __future__ import annotations

import itertools
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
            return f"(str.prefixof {text(literal)} {variable})"
    regexes = [p.value if isinstance(p, Wildcard) else f"(str.to_re {text(p)})" for p in pieces]
    return f"(str.in_re {variable} {_apply('re.++', regexes)})"


def matches_ignoring_case(variable: str, literal: str) -> str:
    """Return a formula that is true if the texts differ at most in the case of ASCII letters."""
    letters = []
    for letter in literal:
        cases = dict.fromkeys((letter.lower(), letter.upper()))
        letters.append(_apply("re.union", [f"(str.to_re {text(case)})" for case in cases]))
    return f"(str.in_re {variable} {_apply('re.++', letters or [_EMPTY])})"


_EMPTY = '(str.to_re "")'

# A comparison of a variable with a whole text or with the start of one, as matches() writes it.
_COMPARISON = re.compile(
    r'\(= (?P<whole>\|[^|]+\|) "(?P<text>[^"]*)"\)'
    r'|\(str\.prefixof "(?P<prefix>[^"]*)" (?P<start>\|[^|]+\|)\)'
)


def lemmas(formula: str) -> Iterator[str]:
    """Yield what is always true of the formula's comparisons: which imply and which exclude each other.

    They add nothing to a question. Without them, z3 searches for minutes where many comparisons of one
    variable are negated, as they are by NotAction, by NotResource and by a list of what is never allowed.
    """
    comparisons: dict[str, dict[str, tuple[str, bool]]] = {}
    for match in _COMPARISON.finditer(formula):
        is_prefix = match["prefix"] is not None
        literal = match["prefix"] if is_prefix else match["text"]
        of_variable = comparisons.setdefault(match["start"] or match["whole"], {})
        of_variable[match[0]] = literal, is_prefix
    for of_variable in comparisons.values():
        pairs = itertools.combinations(sorted(of_variable.items()), 2)
        for (one, (text_1, is_prefix_1)), (other, (text_2, is_prefix_2)) in pairs:
            # text() escapes each character by itself, so escaped texts start alike if the texts do.
            implied = is_prefix_1 and text_2.startswith(text_1)
            implies = is_prefix_2 and text_1.startswith(text_2)
            if implied:
                yield f"(=> {other} {one})"
            elif implies:
                yield f"(=> {one} {other})"
            else:
                yield not_(and_([one, other]))


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
