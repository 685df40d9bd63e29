"""IAM's wildcards and policy variables: patterns for resources, actions and condition values.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

# Wildcards of an expanded pattern. A variable's value may hold * and ?, which mean themselves.
_ANY = "\ue000"
_ONE = "\ue001"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}
_DEFAULT = re.compile(r"\s*([^,\s]+)\s*,\s*'([^']*)'\s*")

Context = Mapping[str, tuple[str, ...]]
"""Condition keys in lower case (IAM ignores their case) and the values they have."""


class UnresolvedVariableError(Exception):
    """A policy variable's key is not in the request context, or has more than one value."""


def expand(template: str, context: Context, *, variables: bool) -> str:
    """A pattern with its variables replaced; raises UnresolvedVariableError."""
    if _ANY in template or _ONE in template:
        raise UnresolvedVariableError("A pattern may not hold private-use characters.")
    if not variables:
        return _wild(template)
    expanded = []
    position = 0
    for found in _VARIABLE.finditer(template):
        expanded += [_wild(template[position : found.start()]), _value(found[1], context)]
        position = found.end()
    return "".join([*expanded, _wild(template[position:])])


def literal(template: str, context: Context, *, variables: bool) -> str:
    """A text with its variables replaced, in which * and ? mean themselves."""
    return expand(template, context, variables=variables).replace(_ANY, "*").replace(_ONE, "?")


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether an expanded pattern matches the whole text; * and ? match any character."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


def matches_resource(pattern: str, arn: str) -> bool:
    """Whether an expanded Resource pattern matches.

    Wildcards stay within a segment of the ARN, except that a * which ends its segment may reach
    beyond the colon; the last segment is the whole rest of the ARN.
    """
    if pattern == _ANY:
        return True
    return _compiled_resource(pattern).fullmatch(arn) is not None


def matches_arn(pattern: str, arn: str) -> bool:
    """Whether an expanded Arn condition value matches: each of six components on its own.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    return (
        len(wanted) == len(given) == 6
        and given[0] == "arn"
        and all(matches(part, text) for part, text in zip(wanted, given, strict=True))
    )


def _wild(text: str) -> str:
    return text.replace("*", _ANY).replace("?", _ONE)


def _value(variable: str, context: Context) -> str:
    if variable in _LITERALS:
        return _LITERALS[variable]
    with_default = _DEFAULT.fullmatch(variable)
    key = with_default[1] if with_default else variable.strip()
    values = context.get(key.lower(), ())
    if len(values) == 1:
        return values[0]
    if not values and with_default:
        return with_default[2]
    raise UnresolvedVariableError(key)


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.compile(_regex(pattern, any_=".*", one="."), flags)


@functools.lru_cache(maxsize=4096)
def _compiled_resource(pattern: str) -> re.Pattern[str]:
    *heads, tail = pattern.split(":", 5)
    if len(heads) < 5:
        heads, tail = [*heads, tail], ""
    segments = []
    for head in heads:
        reaches_on = head.endswith(_ANY)
        regex = _regex(head.removesuffix(_ANY), any_="[^:]*", one="[^:]")
        segments.append(regex + ".*" if reaches_on else regex)
    if len(pattern.split(":", 5)) == 6:
        segments.append(_regex(tail, any_=".*", one="."))
    return re.compile(":".join(segments), re.DOTALL)


def _regex(pattern: str, *, any_: str, one: str) -> str:
    return "".join({_ANY: any_, _ONE: one}.get(char) or re.escape(char) for char in pattern)
