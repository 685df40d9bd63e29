"""IAM's condition operators, all of them, over the values a request has.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tools.iam import globs

if TYPE_CHECKING:
    from tools.iam.globs import Context


class UnsupportedPolicyError(ValueError):
    """A policy holds something this evaluator does not know; the call must be refused."""


@dataclass(frozen=True)
class Condition:
    """``[quantifier:]operator[IfExists]`` of one key; ``values`` are as written in the policy."""

    quantifier: str | None  # "ForAllValues", "ForAnyValue" or None
    operator: str  # without quantifier and IfExists
    if_exists: bool
    key: str
    values: tuple[str, ...]
    variables: bool

    @property
    def negated(self) -> bool:
        """Whether the operator asks that no value matches."""
        return "Not" in self.operator


_Match = Callable[[str, str], bool]
"""Takes the request's value and the (expanded) policy value."""


def _numbers(compare: Callable[[Decimal, Decimal], bool]) -> _Match:
    def match(given: str, wanted: str) -> bool:
        number = _number(given)
        limit = _number(wanted)
        return number is not None and limit is not None and compare(number, limit)

    return match


def _dates(compare: Callable[[datetime, datetime], bool]) -> _Match:
    def match(given: str, wanted: str) -> bool:
        date = _date(given)
        limit = _date(wanted)
        return date is not None and limit is not None and compare(date, limit)

    return match


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _date(text: str) -> datetime | None:
    """A W3C ISO 8601 date or Unix seconds, as IAM takes both."""
    if re.fullmatch(r"\d+", text):
        return datetime.fromtimestamp(int(text), UTC)
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _in_network(given: str, wanted: str) -> bool:
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return False
    return address in ipaddress.ip_network(wanted, strict=False)


def _same_bytes(given: str, wanted: str) -> bool:
    try:
        return base64.b64decode(given, validate=True) == base64.b64decode(wanted, validate=True)
    except binascii.Error:
        return False


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


def _like(given: str, wanted: str) -> bool:
    return globs.matches(wanted, given)


def _ignoring_case(given: str, wanted: str) -> bool:
    return given.lower() == wanted.lower()


@dataclass(frozen=True)
class _Operator:
    match: _Match
    accepts: Callable[[str], bool] = lambda _: True  # a policy value as written
    pattern: bool = False  # * and ? in the policy value are wildcards
    variables: bool = False  # ${…} in the policy value is a policy variable


_ARN = _Operator(
    lambda given, wanted: globs.matches_arn(wanted, given),
    lambda text: text.count(":") >= 5,
    pattern=True,
    variables=True,
)
_IP = _Operator(_in_network, _is_network)

_NUMERIC = {
    "NumericEquals": operator.eq,
    "NumericNotEquals": operator.eq,
    "NumericLessThan": operator.lt,
    "NumericLessThanEquals": operator.le,
    "NumericGreaterThan": operator.gt,
    "NumericGreaterThanEquals": operator.ge,
}

# A negated operator has the match of its positive twin: Condition.negated turns the answer round.
_OPERATORS: dict[str, _Operator] = {
    "StringEquals": _Operator(operator.eq, variables=True),
    "StringNotEquals": _Operator(operator.eq, variables=True),
    "StringEqualsIgnoreCase": _Operator(_ignoring_case, variables=True),
    "StringNotEqualsIgnoreCase": _Operator(_ignoring_case, variables=True),
    "StringLike": _Operator(_like, pattern=True, variables=True),
    "StringNotLike": _Operator(_like, pattern=True, variables=True),
    "ArnEquals": _ARN,
    "ArnNotEquals": _ARN,
    "ArnLike": _ARN,
    "ArnNotLike": _ARN,
    "Bool": _Operator(_ignoring_case, lambda text: text.lower() in ("true", "false")),
    "BinaryEquals": _Operator(_same_bytes, _is_base64),
    "IpAddress": _IP,
    "NotIpAddress": _IP,
    **{
        name: _Operator(_numbers(compare), lambda text: _number(text) is not None)
        for name, compare in _NUMERIC.items()
    },
    **{
        name.replace("Numeric", "Date"): _Operator(
            _dates(compare), lambda text: _date(text) is not None
        )
        for name, compare in _NUMERIC.items()
    },
}

_SPELLING = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")


def parse_condition(
    spelling: str, key: str, values: tuple[str, ...], *, variables: bool
) -> Condition:
    """Read one key of one operator; raises UnsupportedPolicyError for what is not known."""
    found = _SPELLING.fullmatch(spelling)
    if not found:
        raise UnsupportedPolicyError(f"No condition operator {spelling!r} is known.")
    condition = Condition(found[1], found[2], bool(found[3]), key, values, variables)
    if condition.operator == "Null":
        if condition.quantifier or condition.if_exists:
            raise UnsupportedPolicyError(f"{spelling!r} is not an operator: Null stands alone.")
        accepts = _OPERATORS["Bool"].accepts
    elif condition.operator in _OPERATORS:
        accepts = _OPERATORS[condition.operator].accepts
    else:
        raise UnsupportedPolicyError(f"No condition operator {spelling!r} is known.")
    if not values or not all(accepts(value) for value in values):
        raise UnsupportedPolicyError(f"{spelling} of {key} has a value that it cannot compare.")
    if variables and not _takes_variables(condition) and any("${" in value for value in values):
        raise UnsupportedPolicyError(f"{spelling} takes no policy variables.")
    return condition


def _takes_variables(condition: Condition) -> bool:
    return condition.operator != "Null" and _OPERATORS[condition.operator].variables


def holds(condition: Condition, context: Context) -> bool:
    """Whether the condition is true for these values.

    Raises UnsupportedPolicyError for several values without a quantifier, and
    UnresolvedVariableError for a policy variable without a value.
    """
    given = context.get(condition.key.lower())
    if condition.operator == "Null":
        wanted = {value.lower() for value in condition.values}
        return ("true" if given is None else "false") in wanted
    if given is None and condition.if_exists:
        return True
    if condition.quantifier == "ForAllValues":
        return all(_passes(value, condition, context) for value in given or ())
    if condition.quantifier == "ForAnyValue":
        return any(_passes(value, condition, context) for value in given or ())
    if given is None:
        return condition.negated
    if len(given) != 1:
        message = f"{condition.key} has several values: say ForAllValues or ForAnyValue."
        raise UnsupportedPolicyError(message)
    return _passes(given[0], condition, context)


def _passes(value: str, condition: Condition, context: Context) -> bool:
    kind = _OPERATORS[condition.operator]
    expand = globs.expand if kind.pattern else globs.literal
    variables = condition.variables and kind.variables
    wanted = [expand(text, context, variables=variables) for text in condition.values]
    return any(kind.match(value, text) for text in wanted) != condition.negated
