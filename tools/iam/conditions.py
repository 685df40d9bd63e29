"""All of IAM's condition operators, over the values of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import functools
import ipaddress
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tools.iam import globs

if TYPE_CHECKING:
    from tools.iam.globs import Context


class UnsupportedPolicyError(ValueError):
    """A policy contains an element that the evaluator does not support; the call must be refused."""


@dataclass(frozen=True)
class Condition:
    """``[quantifier:]operator[IfExists]`` of one key; ``values`` are those written in the policy."""

    quantifier: str | None  # "ForAllValues", "ForAnyValue" or None
    operator: str  # without quantifier and IfExists
    if_exists: bool
    key: str
    values: tuple[str, ...]
    variables: bool

    @property
    def negated(self) -> bool:
        """Whether the operator requires that no value matches."""
        return "Not" in self.operator


_Match = Callable[[str, str], bool]
"""Compares the request's value with the (expanded) policy value."""


# The parsers of values raise one of these errors for an invalid text.
_INVALID = (ValueError, ArithmeticError)


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _date(text: str) -> datetime:
    """A W3C ISO 8601 date or Unix seconds; IAM accepts both."""
    if re.fullmatch(r"\d+", text):
        return datetime.fromtimestamp(int(text), UTC)
    date = datetime.fromisoformat(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


_bytes = functools.partial(base64.b64decode, validate=True)
_network = functools.partial(ipaddress.ip_network, strict=False)


def _like(value: str, policy_value: str) -> bool:
    return globs.matches(policy_value, value)


def _equal_ignoring_case(value: str, policy_value: str) -> bool:
    return value.lower() == policy_value.lower()


@dataclass(frozen=True)
class _Operator:
    match: _Match
    accepts: Callable[[str], bool] = lambda _: True  # whether a policy value is valid
    pattern: bool = False  # * and ? in the policy value are wildcards
    variables: bool = False  # ${…} in the policy value is a policy variable


def _parsed(
    parse: Callable[[str], Any],
    compare: Callable[[Any, Any], bool],
    parse_policy_value: Callable[[str], Any] | None = None,
) -> _Operator:
    """An operator over parsed values; the policy's value may have a parser of its own."""
    parse_limit = parse_policy_value or parse

    def match(value: str, policy_value: str) -> bool:
        try:
            return compare(parse(value), parse_limit(policy_value))
        except _INVALID:
            return False

    def accepts(policy_value: str) -> bool:
        try:
            parse_limit(policy_value)
        except _INVALID:
            return False
        return True

    return _Operator(match, accepts)


_ARN = _Operator(
    lambda value, policy_value: globs.matches_arn(policy_value, value),
    lambda text: text.count(":") >= 5,
    pattern=True,
    variables=True,
)
_IP = _parsed(ipaddress.ip_address, lambda address, network: address in network, _network)

_COMPARISONS = {
    "Equals": operator.eq,
    "NotEquals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}

# A negated operator has the same match as its positive form; Condition.negated inverts the result.
_OPERATORS: dict[str, _Operator] = {
    "StringEquals": _Operator(operator.eq, variables=True),
    "StringNotEquals": _Operator(operator.eq, variables=True),
    "StringEqualsIgnoreCase": _Operator(_equal_ignoring_case, variables=True),
    "StringNotEqualsIgnoreCase": _Operator(_equal_ignoring_case, variables=True),
    "StringLike": _Operator(_like, pattern=True, variables=True),
    "StringNotLike": _Operator(_like, pattern=True, variables=True),
    "ArnEquals": _ARN,
    "ArnNotEquals": _ARN,
    "ArnLike": _ARN,
    "ArnNotLike": _ARN,
    "Bool": _Operator(_equal_ignoring_case, lambda text: text.lower() in ("true", "false")),
    "BinaryEquals": _parsed(_bytes, operator.eq),
    "IpAddress": _IP,
    "NotIpAddress": _IP,
    **{f"Numeric{name}": _parsed(_number, compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _parsed(_date, compare) for name, compare in _COMPARISONS.items()},
}

_SPELLING = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")


def parse_condition(
    spelling: str, key: str, values: tuple[str, ...], *, variables: bool
) -> Condition:
    """Read one key of one operator; raises UnsupportedPolicyError for anything unknown."""
    match = _SPELLING.fullmatch(spelling)
    if not match or match[2] not in {"Null", *_OPERATORS}:
        raise UnsupportedPolicyError(f"The condition operator {spelling!r} is unknown.")
    condition = Condition(match[1], match[2], bool(match[3]), key, values, variables)
    if condition.operator == "Null" and (condition.quantifier or condition.if_exists):
        message = f"{spelling!r} is not an operator: Null has no quantifier and no IfExists."
        raise UnsupportedPolicyError(message)
    operator_rules = _OPERATORS["Bool" if condition.operator == "Null" else condition.operator]
    if not values or not all(operator_rules.accepts(value) for value in values):
        raise UnsupportedPolicyError(f"{spelling} cannot compare a value of {key}.")
    if variables and not operator_rules.variables and any("${" in value for value in values):
        raise UnsupportedPolicyError(f"{spelling} does not support policy variables.")
    return condition


def holds(condition: Condition, context: Context) -> bool:
    """Whether the condition is true for these values.

    Raises UnsupportedPolicyError for several values without a quantifier, and
    UnresolvedVariableError for a policy variable without a value.
    """
    values = context.get(condition.key.lower())
    if condition.operator == "Null":
        policy_values = {value.lower() for value in condition.values}
        return ("true" if values is None else "false") in policy_values
    if values is None and condition.if_exists:
        return True
    if condition.quantifier == "ForAllValues":
        return all(_passes(value, condition, context) for value in values or ())
    if condition.quantifier == "ForAnyValue":
        return any(_passes(value, condition, context) for value in values or ())
    if values is None:
        return condition.negated
    if len(values) != 1:
        message = f"{condition.key} has several values: use ForAllValues or ForAnyValue."
        raise UnsupportedPolicyError(message)
    return _passes(values[0], condition, context)


def _passes(value: str, condition: Condition, context: Context) -> bool:
    operator_rules = _OPERATORS[condition.operator]
    expand = globs.expand if operator_rules.pattern else globs.literal
    variables = condition.variables and operator_rules.variables
    policy_values = [expand(text, context, variables=variables) for text in condition.values]
    return any(operator_rules.match(value, text) for text in policy_values) != condition.negated
