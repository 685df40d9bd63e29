"""Formulas as SMT-LIB 2.6 text: the one language that both solvers read, and that a person can.

https://smt-lib.org/theories-UnicodeStrings.shtml
https://smt-lib.org/theories-FixedSizeBitVectors.shtml
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Network, IPv6Network

TRUE, FALSE = "true", "false"


class Wild(Enum):
    """What a wildcard stands for, as a regular expression."""

    ANY = "re.all"
    ONE = "re.allchar"
    ANY_BUT_COLONS = r'(re.* (re.union (re.range "\u{0}" "9") (re.range ";" "\u{2ffff}")))'
    ONE_BUT_A_COLON = r'(re.union (re.range "\u{0}" "9") (re.range ";" "\u{2ffff}"))'


Pattern = tuple["str | Wild", ...]
"""Texts that stand for themselves, and wildcards."""


def every(parts: Iterable[str]) -> str:
    """True where all parts are; of no parts, true."""
    kept = [part for part in dict.fromkeys(parts) if part != TRUE]
    if FALSE in kept:
        return FALSE
    return _joined("and", kept) or TRUE


def some(parts: Iterable[str]) -> str:
    """True where any part is; of no parts, false."""
    kept = [part for part in dict.fromkeys(parts) if part != FALSE]
    if TRUE in kept:
        return TRUE
    return _joined("or", kept) or FALSE


def no(part: str) -> str:
    """True where the part is false."""
    return {TRUE: FALSE, FALSE: TRUE}.get(part) or f"(not {part})"


def choose(condition: str, then: str, otherwise: str) -> str:
    """``then`` where the condition is true, else ``otherwise``."""
    return then if then == otherwise else f"(ite {condition} {then} {otherwise})"


def equal(left: str, right: str) -> str:
    """True where both terms have the same value."""
    return f"(= {left} {right})"


def symbol(name: str) -> str:
    """A variable's name; nearly every character may stand between bars."""
    if "|" in name or "\\" in name:
        raise ValueError(f"{name!r} cannot be a variable's name.")
    return f"|{name}|"


def text(value: str) -> str:
    """A string literal."""
    plain = (c if " " <= c <= "~" and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in value)
    return '"' + "".join(plain) + '"'


def matches(variable: str, pattern: Pattern) -> str:
    """True where the variable's whole text matches; the simplest formula that says so."""
    pieces = _merged(pattern)
    match pieces:
        case []:
            return equal(variable, text(""))
        case [str(literal)]:
            return equal(variable, text(literal))
        case [Wild.ANY]:
            return TRUE
        case [str(literal), Wild.ANY]:
            return f"(str.prefixof {text(literal)} {variable})"
    regexes = [p.value if isinstance(p, Wild) else f"(str.to_re {text(p)})" for p in pieces]
    return f"(str.in_re {variable} {_joined('re.++', regexes)})"


def matches_ignoring_case(variable: str, literal: str) -> str:
    """True where the variable's text is the literal but for the case of ASCII letters."""
    letters = [
        f"(re.union (str.to_re {text(c.lower())}) (str.to_re {text(c.upper())}))"
        if c.lower() != c.upper()
        else f"(str.to_re {text(c)})"
        for c in literal
    ]
    return f"(str.in_re {variable} {_joined('re.++', letters) or _EMPTY})"


_EMPTY = '(str.to_re "")'


def within(address: str, is_v6: str, network: IPv4Network | IPv6Network) -> str:
    """True where the 128 bits of the address, of which IPv4 has the last 32, are in the network."""
    width, kept = network.max_prefixlen, network.prefixlen
    family = is_v6 if network.version == 6 else no(is_v6)
    if kept == 0:
        return family
    bits = f"{int(network.network_address):0{width}b}"[:kept]
    return every(
        [family, equal(f"((_ extract {width - 1} {width - kept}) {address})", f"#b{bits}")]
    )


def _joined(operator: str, parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"({operator} {' '.join(parts)})"


def _merged(pattern: Pattern) -> list[str | Wild]:
    """The same pattern without empty texts, and with neighbouring texts as one."""
    pieces: list[str | Wild] = []
    for piece in pattern:
        if piece == "":
            continue
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        elif pieces and piece is Wild.ANY and pieces[-1] is Wild.ANY:
            continue
        else:
            pieces.append(piece)
    return pieces
