"""All of IAM's condition operators, over the values of a request.

tests/tools/iam/test_condition_table.py has every combination of operator, quantifier and IfExists with
the sentence of AWS's documentation that decides it. What no page decides raises UnsupportedPolicyError.

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
from tools.iam.globs import UnresolvedVariableError, UnsupportedPolicyError

if TYPE_CHECKING:
    from tools.iam.globs import Context

__all__ = ["Condition", "UnsupportedPolicyError", "holds", "parse_condition"]


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
_INVALID = (ValueError, ArithmeticError, OSError)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# A time needs a time zone: https://www.w3.org/TR/NOTE-datetime
_W3C_DATE = re.compile(
    r"(\d{4}-\d\d)(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?", re.ASCII
)


def _number(text: str) -> Decimal:
    """An integer or a decimal number."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


def _date(text: str) -> datetime:
    """A W3C date or Unix seconds; IAM accepts both."""
    if re.fullmatch(r"[0-9]+", text):
        return datetime.fromtimestamp(int(text), UTC)
    match = _W3C_DATE.fullmatch(text)
    if not match:
        raise ValueError(text)
    date = datetime.fromisoformat(text if match[2] else f"{text}-01")
    return date if date.tzinfo else date.replace(tzinfo=UTC)


_bytes = functools.partial(base64.b64decode, validate=True)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network in CIDR notation, or one IPv4 address.

    The page gives an address without a prefix the length 32, which for IPv6 is not one address.
    """
    address, slash, length = text.partition("/")
    if not slash:
        return ipaddress.IPv4Network(address)
    if not re.fullmatch(r"[0-9]{1,3}", length):
        raise ValueError(text)
    return ipaddress.ip_network(text, strict=False)


def _like(value: str, policy_value: str) -> bool:
    return globs.matches(policy_value, value)


def _equal_ignoring_case(value: str, policy_value: str) -> bool:
    return globs.matches(policy_value, value, ignore_case=True)


@dataclass(frozen=True)
class _Operator:
    match: _Match
    accepts: Callable[[str], bool] = lambda _: True  # whether a policy value is valid
    compares: Callable[[str], bool] = lambda _: True  # whether a request's value is of the type
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

    return _Operator(match, _is_valid(parse_limit), _is_valid(parse))


def _is_valid(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def is_valid(text: str) -> bool:
        try:
            parse(text)
        except _INVALID:
            return False
        return True

    return is_valid


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

_EXACT_TEXT = {name for name in _OPERATORS if name.startswith("String") and "Like" not in name}
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
    if not operator_rules.variables and _has_variable(condition):
        raise UnsupportedPolicyError(f"{spelling} does not support policy variables.")
    # "You must also use the StringLike condition operator" with a variable and several values:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    if condition.quantifier and condition.operator in _EXACT_TEXT and _has_variable(condition):
        raise UnsupportedPolicyError(f"{spelling} of a policy variable must be StringLike.")
    return condition


def _has_variable(condition: Condition) -> bool:
    return condition.variables and any("${" in value for value in condition.values)


def holds(condition: Condition, context: Context) -> bool:
    """Whether the condition is true for these values.

    Raises UnsupportedPolicyError if no page says whether it is.
    """
    values = context.get(condition.key.lower())
    # A key that is absent, has no value, or has only empty ones. It meets ForAllValues and never
    # ForAnyValue, with or without IfExists.
    is_null = not any(values or ())
    if condition.operator == "Null":
        policy_values = {value.lower() for value in condition.values}
        return ("true" if is_null else "false") in policy_values
    if condition.quantifier:
        is_every = condition.quantifier == "ForAllValues"
        if is_null:
            return is_every
        passes = [_passes(value, condition, context) for value in values or ()]
        return all(passes) if is_every else any(passes)
    if values is None:
        return condition.if_exists or condition.negated
    if len(values) != 1:
        message = (
            f"{condition.key} has {len(values)} values, and {condition.operator} compares one: "
            "use ForAllValues or ForAnyValue."
        )
        raise UnsupportedPolicyError(message)
    return _passes(values[0], condition, context)


def _passes(value: str, condition: Condition, context: Context) -> bool:
    """Whether one value of the request matches one of the policy's or, if negated, none of them.

    A policy value with a variable that has no value matches nothing. No page says what becomes of the
    other values of its list, or of IfExists, then.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value
    """
    rules = _OPERATORS[condition.operator]
    if condition.negated and not rules.compares(value):
        raise UnsupportedPolicyError(
            f"{condition.operator} cannot compare {condition.key}: {value!r}."
        )
    expand = globs.expand if rules.pattern else globs.literal
    matched, unresolved = False, None
    for text in condition.values:
        try:
            policy_value = expand(text, context, variables=condition.variables and rules.variables)
        except UnresolvedVariableError as error:
            unresolved = error
        else:
            matched = matched or rules.match(value, policy_value)
    if unresolved and (matched or condition.if_exists):
        message = f"{condition.operator} of {condition.key} needs {unresolved}, which has no value."
        raise UnsupportedPolicyError(message)
    return matched != condition.negated
