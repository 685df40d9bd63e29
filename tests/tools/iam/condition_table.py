"""Every combination of operator, quantifier, IfExists and values, with the page that decides it.

The pages are below https://docs.aws.amazon.com/IAM/latest/UserGuide/. The evaluator and the encoding are
both tested against every cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATORS = "reference_policies_elements_condition_operators.html"
SETS = "reference_policies_condition-single-vs-multi-valued-context-keys.html"

ROLE = "arn:aws:iam::222222222222:role/app"
# A value in the policy, a request's value that matches it, and one that does not. A negated operator
# has the samples of its positive form.
SAMPLES = {
    "StringEquals": ("a", "a", "b"),
    "StringEqualsIgnoreCase": ("a", "A", "b"),
    "StringLike": ("a*", "ab", "b"),
    "NumericEquals": ("10", "10.0", "11"),
    "NumericLessThan": ("10", "9", "10"),
    "NumericLessThanEquals": ("10", "10", "11"),
    "NumericGreaterThan": ("10", "11", "10"),
    "NumericGreaterThanEquals": ("10", "10", "9"),
    "DateEquals": ("2026-01-01", "1767225600", "2026-01-02"),
    "DateLessThan": ("2026-01-01", "2025-12-31", "2026-01-01"),
    "DateLessThanEquals": ("2026-01-01", "2026-01-01", "2026-01-02"),
    "DateGreaterThan": ("2026-01-01", "2026-01-02", "2026-01-01"),
    "DateGreaterThanEquals": ("2026-01-01", "2026-01-01", "2025-12-31"),
    "Bool": ("true", "true", "false"),
    "BinaryEquals": ("QQ==", "QQ==", "Qg=="),
    "IpAddress": ("203.0.113.0/24", "203.0.113.7", "198.51.100.1"),
    "ArnEquals": (ROLE, ROLE, f"{ROLE}-2"),
    "ArnLike": ("arn:aws:iam::222222222222:role/*", ROLE, "arn:aws:iam::222222222222:user/ann"),
}
NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


@dataclass(frozen=True)
class Cell:
    """What a condition is for a request; None if no page decides it, so that it must be refused."""

    operator: str  # with quantifier and IfExists
    policy_value: str
    values: tuple[str, ...] | None  # None if the request does not have the key
    holds: bool | None
    page: str


def cells() -> Iterator[Cell]:
    """Yield every cell of the table."""
    for name in [*SAMPLES, *NEGATIONS]:
        for quantifier in ("", "ForAllValues:", "ForAnyValue:"):
            for suffix in ("", "IfExists"):
                yield from _cells(name, quantifier, suffix)


def _cells(name: str, quantifier: str, suffix: str) -> Iterator[Cell]:
    negated = name in NEGATIONS
    values: tuple[str, ...]
    policy_value, match, other = SAMPLES[NEGATIONS.get(name, name)]

    def cell(values: tuple[str, ...] | None, *, holds: bool | None, page: str) -> Cell:
        return Cell(f"{quantifier}{name}{suffix}", policy_value, values, holds, page)

    for value, holds in ((match, not negated), (other, negated)):
        yield cell((value,), holds=holds, page=f"{OPERATORS}: the operators' tables")
    match quantifier:
        case "":
            page = f"{OPERATORS}#Conditions_IfExists: if the key is not present, true"
            if not suffix:
                page = f"{OPERATORS}: not present is false, and true if it must not be matched"
            yield cell(None, holds=bool(suffix) or negated, page=page)
            page = f"{SETS}: multivalued context keys require a condition set operator"
            for values in ((), (match, match), (match, other), (other, other)):
                yield cell(values, holds=None, page=page)
        case "ForAllValues:":
            page = f"{SETS}: also true if there are no context keys in the request"
            yield cell(None, holds=True, page=page)
            page = f"{OPERATORS}#Conditions_ARN: or if the value resolves to a null dataset, such as an empty string"
            for values in ((), ("",)):
                yield cell(values, holds=True, page=page)
            page = f"{OPERATORS}: all of the values, or none of them if negated"
            yield cell((match, match), holds=not negated, page=page)
            yield cell((match, other), holds=False, page=page)
            yield cell((other, other), holds=negated, page=page)
        case _:
            # IfExists does not change this, as a reader of AWS's re:Post saw on AWS:
            # https://repost.aws/questions/QU9HFmDzP0QGuU-fd7rS6B7w
            page = f"{SETS}: if the key does not exist, or for a null dataset, false"
            for absent in (None, (), ("",)):
                yield cell(absent, holds=False, page=page)
            page = f"{OPERATORS}: at least one value, which must not match if negated"
            yield cell((match, match), holds=not negated, page=page)
            yield cell((match, other), holds=True, page=page)
            yield cell((other, other), holds=negated, page=page)
