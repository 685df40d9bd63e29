"""Predicates over requests, in which the specifications say what must be allowed.

They differ from IAM's language on purpose, so that no policy can be copied into a specification.
``field`` is ``action``, ``resource``, ``caller.service`` or a condition key in lower case. Every test
except Absent and Not also requires that the request has the field.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.isolation import smt
from tools.isolation.smt import Wildcard, and_, not_, or_
from tools.isolation.symbolic_request import (
    ACTION,
    IS_SERVICE,
    RESOURCE,
    SERVICE,
    KeyType,
    NotModelledError,
    ascii_text,
    is_empty,
    is_v6,
    key_type,
    presence,
    text_matches,
    value,
)

if TYPE_CHECKING:
    from tools.iam.evaluator import Request
    from tools.isolation.smt import Pattern
    from tools.isolation.symbolic_request import SymbolicRequest


@dataclass(frozen=True, init=False)
class _Texts:
    """A field and the texts that its predicate compares it with."""

    field: str
    texts: tuple[str, ...]

    def __init__(self, field: str, *texts: str) -> None:
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "texts", texts)


@dataclass(frozen=True, init=False)
class OneOf(_Texts):
    """The field has one of these texts."""


@dataclass(frozen=True)
class StartsWith:
    """The field's text starts with the prefix."""

    field: str
    prefix: str


@dataclass(frozen=True, init=False)
class InOrder(_Texts):
    """The field's text starts with the first of these texts, and has the others after it, in this order."""


@dataclass(frozen=True, init=False)
class EachOf(_Texts):
    """The condition key, which can have many values, has some, and each of them is one of these texts."""


@dataclass(frozen=True)
class InNetwork:
    """The field is an address in one of the networks."""

    field: str
    networks: tuple[str, ...]


@dataclass(frozen=True)
class Absent:
    """The request does not have the condition key, or its value is empty."""

    field: str


@dataclass(frozen=True, init=False)
class AllOf:
    """All parts hold; true if there are none."""

    parts: tuple[Predicate, ...]

    def __init__(self, *parts: Predicate) -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True, init=False)
class AnyOf:
    """At least one part holds; false if there are none."""

    parts: tuple[Predicate, ...]

    def __init__(self, *parts: Predicate) -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True)
class Not:
    """The part does not hold, for example because the request does not have its field."""

    part: Predicate


Predicate = OneOf | StartsWith | InOrder | EachOf | InNetwork | Absent | AllOf | AnyOf | Not


def holds(predicate: Predicate, request: Request) -> bool:
    """Return whether the predicate is true of one concrete request."""
    match predicate:
        case AllOf(parts) | AnyOf(parts):
            combine = all if isinstance(predicate, AllOf) else any
            return combine(holds(part, request) for part in parts)
        case Not(part):
            return not holds(part, request)
        case Absent(field):
            return not any(request.values().get(field, ()))
    return _passes(predicate, _values(predicate.field, request))


def _passes(
    predicate: OneOf | StartsWith | InOrder | EachOf | InNetwork, values: tuple[str, ...]
) -> bool:
    """Return whether a field with these values passes the test of the predicate."""
    match predicate:
        case OneOf(field, texts):
            options = {text.lower() for text in texts} if field == "action" else set(texts)
            return any(value in options for value in values)
        case EachOf(_, texts):
            return any(values) and set(values) <= set(texts)
        case StartsWith(field, prefix):
            start = prefix.lower() if field == "action" else prefix
            return any(value.startswith(start) for value in values)
        case InOrder(_, texts):
            pattern = re.compile(".*".join(map(re.escape, texts)), re.DOTALL)
            return any(pattern.match(value) for value in values)
        case InNetwork(_, networks):
            return any(_in_network(value, network) for value in values for network in networks)


def formula(predicate: Predicate, request: SymbolicRequest) -> str:
    """Return the formula that is true of exactly the requests of which the predicate holds.

    ``request`` says how many values of each multivalued key have variables.
    """
    match predicate:
        case AllOf(parts) | AnyOf(parts):
            combine = and_ if isinstance(predicate, AllOf) else or_
            return combine(formula(part, request) for part in parts)
        case Not(part):
            return not_(formula(part, request))
        case Absent(key):
            if key_type(key) is KeyType.STRINGS:
                raise NotModelledError(
                    f"the absence of {key}, which is multivalued, is not modelled"
                )
            return is_empty(key, presence(key), value(key))
        case InNetwork(key, networks):
            nets = [ipaddress.ip_network(network, strict=False) for network in networks]
            in_any = or_(smt.in_network(value(key), is_v6(key), net) for net in nets)
            return and_([presence(key), in_any])
    patterns = _patterns(predicate)
    if isinstance(predicate, EachOf):
        return _each_matches(request.values(predicate.field), predicate.field, patterns)
    field_presence, variable = _variable(predicate.field)
    if predicate.field == "action":
        patterns = [(str(start).lower(), *rest) for start, *rest in patterns]
    return and_([field_presence, or_(text_matches(variable, pattern) for pattern in patterns)])


def _patterns(predicate: OneOf | StartsWith | InOrder | EachOf) -> list[Pattern]:
    """Return the patterns of which the field has to match one."""
    field = predicate.field
    match predicate:
        case StartsWith(_, prefix):
            return [(ascii_text(prefix, field), Wildcard.ANY)]
        case InOrder(_, texts):
            return [
                tuple(piece for text in texts for piece in (ascii_text(text, field), Wildcard.ANY))
            ]
        case OneOf(_, texts) | EachOf(_, texts):
            return [(ascii_text(text, field),) for text in texts]


def _each_matches(slots: list[tuple[str, str]], key: str, patterns: list[Pattern]) -> str:
    """Return the formula: some value is not empty, and each that the request has matches a pattern."""
    some = or_(not_(is_empty(key, *slot)) for slot in slots)
    each = (
        or_([not_(has_value), *(text_matches(term, pattern) for pattern in patterns)])
        for has_value, term in slots
    )
    return and_([some, *each])


def fields(predicate: Predicate) -> set[str]:
    """Return every field that the predicate tests."""
    if isinstance(predicate, AllOf | AnyOf):
        return {field for part in predicate.parts for field in fields(part)}
    if isinstance(predicate, Not):
        return fields(predicate.part)
    return {predicate.field}


def _variable(field: str) -> tuple[str, str]:
    """Return the formula that says that the request has the field, and the field's value."""
    variables = {"action": ACTION, "resource": RESOURCE}
    if field in variables:
        return smt.TRUE, variables[field]
    if field == "caller.service":
        return IS_SERVICE, SERVICE
    if key_type(field) is not KeyType.STRING:
        raise NotModelledError(f"the condition key {field} does not have one string as its value")
    return presence(field), value(field)


def _values(field: str, request: Request) -> tuple[str, ...]:
    """Return the field's values in the request; actions, being case-insensitive, in lower case."""
    match field:
        case "action":
            return (request.action.lower(),)
        case "resource":
            return (request.resource,)
        case "caller.service":
            return () if request.requester.service is None else (request.requester.service,)
        case _:
            return request.values().get(field, ())


def _in_network(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
