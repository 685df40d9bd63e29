"""What ought to be allowed, said as a predicate over requests: the claim's other side.

It is not IAM's language on purpose: no policy can be copied into it. ``field`` is ``action``,
``resource``, ``caller.service`` or a condition key in lower case; every test but Absent asks that
the request has it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.isolation import smt
from tools.isolation.smt import Wild, every, no, some
from tools.isolation.world import (
    ACTION,
    IS_SERVICE,
    RESOURCE,
    SERVICE,
    Holds,
    NotModelledError,
    held_by,
    is_v6,
    present,
    text_matches,
    value,
)

if TYPE_CHECKING:
    from tools.iam.evaluator import Request
    from tools.isolation.smt import Pattern


@dataclass(frozen=True)
class Is:
    """The field has one of these texts."""

    field: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Begins:
    """The field's text begins with this one."""

    field: str
    prefix: str


@dataclass(frozen=True)
class Within:
    """The field is an address in one of these networks."""

    field: str
    networks: tuple[str, ...]


@dataclass(frozen=True)
class Absent:
    """The request has no such condition key."""

    field: str


@dataclass(frozen=True)
class All:
    """Every part holds; of no parts, true."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True)
class Any:
    """At least one part holds; of no parts, false."""

    parts: tuple[Predicate, ...]


Predicate = Is | Begins | Within | Absent | All | Any
NOTHING = Any(())


def holds(predicate: Predicate, request: Request) -> bool:
    """Whether the predicate is true of one concrete request."""
    match predicate:
        case All(parts):
            return all(holds(part, request) for part in parts)
        case Any(parts):
            return any(holds(part, request) for part in parts)
        case Absent(field):
            return field not in request.values()
    values = _values(predicate.field, request)
    match predicate:
        case Is(field, texts):
            wanted = {text.lower() for text in texts} if field == "action" else set(texts)
            return any(value in wanted for value in values)
        case Begins(field, prefix):
            start = prefix.lower() if field == "action" else prefix
            return any(value.startswith(start) for value in values)
        case Within(_, networks):
            return any(_inside(value, network) for value in values for network in networks)


def formula(predicate: Predicate) -> str:
    """The predicate for the solvers: true of exactly the requests of which it holds."""
    match predicate:
        case All(parts):
            return every(map(formula, parts))
        case Any(parts):
            return some(map(formula, parts))
        case Absent(key):
            return no(present(key))
        case Within(key, networks):
            nets = [ipaddress.ip_network(network, strict=False) for network in networks]
            inside = (smt.within(value(key), is_v6(key), net) for net in nets)
            return every([present(key), some(inside)])
        case Is(field, texts):
            patterns: list[Pattern] = [(text,) for text in texts]
        case Begins(field, prefix):
            patterns = [(prefix, Wild.ANY)]
    there, variable = _variable(field)
    if field == "action":
        patterns = [(str(start).lower(), *rest) for start, *rest in patterns]
    return every([there, some(text_matches(variable, pattern) for pattern in patterns)])


def fields(predicate: Predicate) -> set[str]:
    """Every field that the predicate speaks of."""
    if isinstance(predicate, All | Any):
        return {field for part in predicate.parts for field in fields(part)}
    return {predicate.field}


def _variable(field: str) -> tuple[str, str]:
    """Whether the request has the field, and the field's value."""
    fixed = {"action": ACTION, "resource": RESOURCE}
    if field in fixed:
        return smt.TRUE, fixed[field]
    if field == "caller.service":
        return IS_SERVICE, SERVICE
    if held_by(field) is not Holds.TEXT:
        raise NotModelledError(f"{field} does not hold one text")
    return present(field), value(field)


def _values(field: str, request: Request) -> tuple[str, ...]:
    """The field's value in the request; none where it is not there. Actions know no case."""
    service = request.requester.service
    fixed = {"action": request.action.lower(), "resource": request.resource}
    if field in fixed:
        return (fixed[field],)
    if field == "caller.service":
        return () if service is None else (service,)
    return request.values().get(field, ())


def _inside(value: str, network: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
