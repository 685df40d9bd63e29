"""IAM's wildcards and policy variables: patterns for resources, actions and condition values.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

# Wildcards of an expanded pattern. In a variable's value, * and ? are literal characters.
_STAR = "\ue000"
_QUESTION_MARK = "\ue001"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}
_DEFAULT = re.compile(r"\s*([^,\s]+)\s*,\s*'([^']*)'\s*")

Context = Mapping[str, tuple[str, ...]]
"""Condition keys in lower case (IAM ignores their case), with their values."""


class UnsupportedPolicyError(ValueError):
    """AWS's documentation does not decide what a policy means; the call must be refused."""


class UnresolvedVariableError(Exception):
    """The key of a policy variable has no value in the request context."""


def expand(template: str, context: Context, *, variables: bool) -> str:
    """A pattern with its variables replaced.

    Raises UnresolvedVariableError for a variable without a value, and UnsupportedPolicyError for one
    with several: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    _refuse_marks(template)
    if not variables:
        return _mark_wildcards(template)
    expanded = []
    position = 0
    for match in _VARIABLE.finditer(template):
        expanded += [_mark_wildcards(template[position : match.start()]), _value(match[1], context)]
        position = match.end()
    return "".join([*expanded, _mark_wildcards(template[position:])])


def literal(template: str, context: Context, *, variables: bool) -> str:
    """A text with its variables replaced; its * and ? are literal characters."""
    return (
        expand(template, context, variables=variables)
        .replace(_STAR, "*")
        .replace(_QUESTION_MARK, "?")
    )


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether an expanded pattern matches the whole text; * and ? match any character.

    Only ASCII letters have a case: no page says how AWS compares others.
    """
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


def matches_resource(pattern: str, arn: str) -> bool:
    """Whether an expanded Resource pattern matches.

    A wildcard matches within one segment of the ARN, except that a * at the end of a segment may
    match across the colon; the last segment is the whole rest of the ARN.
    """
    if pattern == _STAR:
        return True
    return _compiled_resource(pattern).fullmatch(arn) is not None


def matches_arn(pattern: str, arn: str) -> bool:
    """Whether an expanded Arn condition value matches; each of six components is compared separately.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """
    patterns, components = pattern.split(":", 5), arn.split(":", 5)
    return (
        len(patterns) == len(components) == 6
        and components[0] == "arn"
        and all(
            matches(part, component) for part, component in zip(patterns, components, strict=True)
        )
    )


def _refuse_marks(text: str) -> None:
    """Refuse the characters that stand for wildcards here; a caller could otherwise send them."""
    if _STAR in text or _QUESTION_MARK in text:
        raise UnsupportedPolicyError(f"{text!r} contains a private-use character.")


def _mark_wildcards(text: str) -> str:
    return text.replace("*", _STAR).replace("?", _QUESTION_MARK)


def _value(variable: str, context: Context) -> str:
    if variable in _LITERALS:
        return _LITERALS[variable]
    default = _DEFAULT.fullmatch(variable)
    key = default[1] if default else variable.strip()
    values = context.get(key.lower(), ())
    if len(values) > 1:
        raise UnsupportedPolicyError(f"{key} has several values, so it cannot be a variable.")
    if values:
        _refuse_marks(values[0])
        return values[0]
    if default:
        return default[2]
    raise UnresolvedVariableError(key)


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    flags = re.DOTALL | (re.IGNORECASE | re.ASCII if ignore_case else 0)
    return re.compile(_regex(pattern, star=".*", question_mark="."), flags)


@functools.lru_cache(maxsize=4096)
def _compiled_resource(pattern: str) -> re.Pattern[str]:
    segments = []
    for position, segment in enumerate(pattern.split(":", 5)):
        if position == 5:  # the whole rest of the ARN
            segments.append(_regex(segment, star=".*", question_mark="."))
        else:
            regex = _regex(segment.removesuffix(_STAR), star="[^:]*", question_mark="[^:]")
            segments.append(regex + ".*" if segment.endswith(_STAR) else regex)
    return re.compile(":".join(segments), re.DOTALL)


def _regex(pattern: str, *, star: str, question_mark: str) -> str:
    wildcards = {_STAR: star, _QUESTION_MARK: question_mark}
    return "".join(wildcards.get(char) or re.escape(char) for char in pattern)
