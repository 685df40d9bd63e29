"""All of IAM's condition operators, over the values of a request.

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


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _date(text: str) -> datetime | None:
    """A W3C ISO 8601 date or Unix seconds; IAM accepts both."""
    if re.fullmatch(r"\d+", text):
        return datetime.fromtimestamp(int(text), UTC)
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _in_network(value: str, policy_value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address in ipaddress.ip_network(policy_value, strict=False)


def _same_bytes(value: str, policy_value: str) -> bool:
    try:
        value_bytes = base64.b64decode(value, validate=True)
        return value_bytes == base64.b64decode(policy_value, validate=True)
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


def _ordered(parse: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> _Operator:
    """An operator over parsed values; ``parse`` returns None for an invalid text."""

    def match(value: str, policy_value: str) -> bool:
        number, limit = parse(value), parse(policy_value)
        return number is not None and limit is not None and compare(number, limit)

    return _Operator(match, lambda text: parse(text) is not None)


_ARN = _Operator(
    lambda value, policy_value: globs.matches_arn(policy_value, value),
    lambda text: text.count(":") >= 5,
    pattern=True,
    variables=True,
)
_IP = _Operator(_in_network, _is_network)

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
    "BinaryEquals": _Operator(_same_bytes, _is_base64),
    "IpAddress": _IP,
    "NotIpAddress": _IP,
    **{f"Numeric{name}": _ordered(_number, compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _ordered(_date, compare) for name, compare in _COMPARISONS.items()},
}

_SPELLING = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")


def parse_condition(
    spelling: str, key: str, values: tuple[str, ...], *, variables: bool
) -> Condition:
    """Read one key of one operator; raises UnsupportedPolicyError for anything unknown."""
    match = _SPELLING.fullmatch(spelling)
    if not match:
        raise UnsupportedPolicyError(f"The condition operator {spelling!r} is unknown.")
    condition = Condition(match[1], match[2], bool(match[3]), key, values, variables)
    if condition.operator == "Null":
        if condition.quantifier or condition.if_exists:
            raise UnsupportedPolicyError(
                f"{spelling!r} is not an operator: Null has no quantifier and no IfExists."
            )
        accepts = _OPERATORS["Bool"].accepts
    elif condition.operator in _OPERATORS:
        accepts = _OPERATORS[condition.operator].accepts
    else:
        raise UnsupportedPolicyError(f"The condition operator {spelling!r} is unknown.")
    if not values or not all(accepts(value) for value in values):
        raise UnsupportedPolicyError(f"{spelling} cannot compare a value of {key}.")
    if variables and not _supports_variables(condition) and any("${" in value for value in values):
        raise UnsupportedPolicyError(f"{spelling} does not support policy variables.")
    return condition


def _supports_variables(condition: Condition) -> bool:
    return condition.operator != "Null" and _OPERATORS[condition.operator].variables


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
