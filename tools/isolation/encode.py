"""IAM policies as formulas: true of exactly the requests that they allow.

This is the file to audit. It says once more, without a request at hand, what tools/iam says
with one; tests/test_fuzz.py holds the two against each other. What has no formula here raises
NotModelledError: nothing is guessed, and nothing is passed over.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from typing import TYPE_CHECKING

from tools.iam.policy import Kind, Policy, Principals, Statement
from tools.isolation import smt
from tools.isolation.predicate import fields
from tools.isolation.smt import Wild, choose, equal, every, no, some, text
from tools.isolation.world import (
    ACCOUNT,
    ACTION,
    CALLERS,
    IS_SERVICE,
    PARTITION,
    RESOURCE,
    ROLE,
    SERVICE,
    Holds,
    NotModelledError,
    World,
    arn_matches,
    held_by,
    is_v6,
    present,
    session_is,
    text_matches,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.iam.conditions import Condition
    from tools.isolation.predicate import Predicate
    from tools.isolation.smt import Pattern


def world_of(policies: Sequence[Policy], meaning: Predicate) -> World:
    """The variables that the policies and their meaning speak of."""
    conditions = [
        condition
        for policy in policies
        for statement in policy.statements
        for condition in statement.conditions
    ]
    tests = Counter(condition.key.lower() for condition in conditions)
    tests.update(field for field in fields(meaning) if ":" in field)
    if {"aws:sourceip", "aws:sourcevpce"} & tests.keys():
        tests.update(["aws:sourceip", "aws:sourcevpce"])
    return World({key: tests[key] for key in sorted(tests.keys() - CALLERS.keys())})


def allowed(policies: Sequence[Policy], world: World) -> str:
    """True where a statement allows the request and none denies it."""
    said: dict[str, list[str]] = {"Allow": [], "Deny": []}
    for policy in policies:
        for statement in policy.statements:
            said[statement.effect].append(_statement(statement, policy, world))
    return every([some(said["Allow"]), no(some(said["Deny"]))])


def _statement(statement: Statement, policy: Policy, world: World) -> str:
    """True where the statement speaks of the request: all its elements match."""
    elements = [_actions(statement)]
    if statement.principals is not None:
        elements.append(_principals(statement.principals, statement.effect))
    if policy.kind is not Kind.TRUST:
        elements.append(_resources(statement, policy))
    elements += [_condition(condition, world) for condition in statement.conditions]
    return every(elements)


def _actions(statement: Statement) -> str:
    """No case: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html."""
    listed = some(
        smt.matches(ACTION, _glob(action.lower(), Wild.ANY, Wild.ONE))
        for action in statement.actions
    )
    return no(listed) if statement.not_actions else listed


def _resources(statement: Statement, policy: Policy) -> str:
    listed = some(
        smt.matches(RESOURCE, _resource(_plain(resource, policy.name)))
        for resource in statement.resources or ()
    )
    return no(listed) if statement.not_resources else listed


def _resource(pattern: str) -> Pattern:
    """A wildcard stays between its colons, but a * just before a colon, or at the end, may go on.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    if pattern == "*":
        return (Wild.ANY,)
    *heads, tail = pattern.split(":", 5) if pattern.count(":") >= 5 else [*pattern.split(":"), ""]
    pieces: list[str | Wild] = []
    for head in heads:
        pieces += [":"] if pieces else []
        pieces += _glob(head.removesuffix("*"), Wild.ANY_BUT_COLONS, Wild.ONE_BUT_A_COLON)
        pieces += [Wild.ANY] if head.endswith("*") else []
    if pattern.count(":") >= 5:
        pieces += [":", *_glob(tail, Wild.ANY, Wild.ONE)]
    return tuple(pieces)


def _principals(principals: Principals, effect: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html."""
    arns = [principal for principal in principals.aws if not principal.isdigit()]
    as_session = some(session_is(arn) for arn in arns)
    as_role = some(text_matches(ROLE, (arn,)) for arn in arns)
    of_account = some(_account(arn) for arn in principals.aws)
    as_service = some(equal(SERVICE, text(name)) for name in principals.service)
    named = choose(IS_SERVICE, as_service, some([as_session, as_role, of_account]))
    if principals.anyone:
        named = smt.TRUE
    if not principals.negated:
        return named
    # A Deny spares only who is named in every one of its forms:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    if effect == "Deny" and not principals.anyone:
        named = choose(IS_SERVICE, as_service, every([as_session, as_role, of_account]))
    return no(named)


def _account(principal: str) -> str:
    """True where the principal is an account, and the caller's."""
    if principal.isdigit():
        return equal(ACCOUNT, text(principal))
    root = re.fullmatch(r"arn:([\w-]+):iam::(\d{12}):root", principal)
    if not root:
        return smt.FALSE
    return every([equal(PARTITION, text(root[1])), equal(ACCOUNT, text(root[2]))])


def _condition(condition: Condition, world: World) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html."""
    key = condition.key.lower()
    held = held_by(key)
    there = present(key)
    if condition.operator == "Null":
        asked = {asked.lower() for asked in condition.values}
        return some([no(there)] * ("true" in asked) + [there] * ("false" in asked))
    each = [(has, _passes(condition, held, one)) for has, one in world.values(key)]
    match condition.quantifier:
        case "ForAllValues":
            holds = every(some([no(has), passes]) for has, passes in each)
        case "ForAnyValue":
            holds = some(every([has, passes]) for has, passes in each)
        case _ if held is Holds.TEXTS:
            raise NotModelledError(
                f"{condition.operator} of {condition.key} says of its many values neither all nor any"
            )
        case _:
            # A missing key passes only an operator that asks for a difference.
            ((_, passes),) = each
            holds = choose(there, passes, smt.TRUE if condition.negated else smt.FALSE)
    return some([no(there), holds]) if condition.if_exists else holds


def _passes(condition: Condition, held: Holds, given: str) -> str:
    """True where this one value passes: any of the policy's values matches, or for Not… none does."""
    listed = some(_matches(condition, held, given, one) for one in condition.values)
    return no(listed) if condition.negated else listed


def _matches(condition: Condition, held: Holds, given: str, asked: str) -> str:
    key = condition.key.lower()
    operator = condition.operator.replace("Not", "", 1)
    if (operator == "IpAddress") != (held is Holds.ADDRESS):
        raise NotModelledError(f"{condition.operator} of {condition.key} is not modelled")
    plain = _plain(asked, f"{condition.operator} of {condition.key}")
    match operator:
        case "IpAddress":
            network = ipaddress.ip_network(plain, strict=False)
            return smt.within(value(key), is_v6(key), network)
        case "StringEquals":
            return text_matches(given, (plain,))
        case "StringEqualsIgnoreCase" | "Bool":
            return smt.matches_ignoring_case(given, plain)
        case "StringLike":
            return text_matches(given, _glob(plain, Wild.ANY, Wild.ONE))
        case "ArnEquals" | "ArnLike":
            return arn_matches(given, _arn(plain))
    raise NotModelledError(f"the operator {condition.operator} is not modelled")


def _arn(asked: str) -> tuple[Pattern, ...]:
    """The six parts of an ARN, each of which must match by itself: …#Conditions_ARN."""
    *heads, tail = asked.split(":", 5)
    within = [_glob(head, Wild.ANY_BUT_COLONS, Wild.ONE_BUT_A_COLON) for head in heads]
    return (*within, _glob(tail, Wild.ANY, Wild.ONE))


def _glob(pattern: str, any_: Wild, one: Wild) -> Pattern:
    wild = {"*": any_, "?": one}
    return tuple(wild.get(piece, piece) for piece in re.split(r"([*?])", pattern))


def _plain(written: str, where: str) -> str:
    """A value without a policy variable, whose value would be the caller's to choose."""
    if "${" in written:
        raise NotModelledError(
            f"{where} has the policy variable {written!r}, which is not modelled"
        )
    if not written.isascii():
        raise NotModelledError(f"{where} has {written!r}, which is not ASCII")
    return written
