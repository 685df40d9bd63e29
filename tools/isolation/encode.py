"""Encode IAM policies as formulas that are true of exactly the requests that the policies allow.

This is the file to audit. It states IAM's rules a second time: tools/iam evaluates them for one
request, and this module states them for all requests. tests/tools/isolation/test_fuzz.py compares the
two. A policy element without a formula raises NotModelledError, so nothing is guessed or ignored.

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
from tools.isolation.smt import Wildcard, and_, equal, ite, not_, or_, text
from tools.isolation.symbolic_request import (
    ACCOUNT,
    ACTION,
    CALLER_KEYS,
    IS_SERVICE,
    PARTITION,
    PRINCIPAL_ARN,
    RESOURCE,
    SERVICE,
    KeyType,
    NotModelledError,
    SymbolicRequest,
    arn_matches,
    ascii_text,
    caller_is,
    is_empty,
    is_v6,
    key_type,
    presence,
    text_matches,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.iam.conditions import Condition
    from tools.isolation.predicate import Predicate
    from tools.isolation.smt import Pattern


def symbolic_request(policies: Sequence[Policy], specification: Predicate) -> SymbolicRequest:
    """Return the request whose variables are those that the policies and the specification test."""
    tests = Counter(
        condition.key.lower()
        for policy in policies
        for statement in policy.statements
        for condition in statement.conditions
    )
    tests.update(field for field in fields(specification) if ":" in field)
    if {"aws:sourceip", "aws:sourcevpce"} & tests.keys():
        tests.update(["aws:sourceip", "aws:sourcevpce"])
    return SymbolicRequest({key: tests[key] for key in sorted(tests.keys() - CALLER_KEYS.keys())})


def allows(policies: Sequence[Policy], request: SymbolicRequest) -> str:
    """Return the formula: an Allow statement applies to the request, and no Deny statement does."""
    effects: dict[str, list[str]] = {"Allow": [], "Deny": []}
    for policy in policies:
        for statement in policy.statements:
            effects[statement.effect].append(_statement_applies(statement, policy, request))
    return and_([or_(effects["Allow"]), not_(or_(effects["Deny"]))])


def _statement_applies(statement: Statement, policy: Policy, request: SymbolicRequest) -> str:
    """True if all elements of the statement match the request."""
    elements = [_action_matches(statement)]
    if statement.principals is not None:
        elements.append(_principal_matches(statement.principals, statement.effect))
    if policy.kind is not Kind.TRUST:
        elements.append(_resource_matches(statement, policy))
    elements += [_condition_holds(condition, request) for condition in statement.conditions]
    return and_(elements)


def _action_matches(statement: Statement) -> str:
    """Actions are case-insensitive.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    in_list = or_(
        smt.matches(ACTION, _glob(action.lower(), Wildcard.ANY, Wildcard.ONE))
        for action in statement.actions
    )
    return not_(in_list) if statement.not_actions else in_list


def _resource_matches(statement: Statement, policy: Policy) -> str:
    in_list = or_(
        smt.matches(RESOURCE, _resource_pattern(_literal(resource, policy.name)))
        for resource in statement.resources or ()
    )
    return not_(in_list) if statement.not_resources else in_list


def _resource_pattern(resource: str) -> Pattern:
    """A wildcard matches no colon, except that a * just before a colon or at the end may match them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    if resource == "*":
        return (Wildcard.ANY,)
    is_arn = resource.count(":") >= 5
    *heads, tail = resource.split(":", 5) if is_arn else [*resource.split(":"), ""]
    pieces: list[str | Wildcard] = []
    for head in heads:
        pieces += [":"] if pieces else []
        pieces += _glob(head.removesuffix("*"), Wildcard.ANY_BUT_COLONS, Wildcard.ONE_BUT_A_COLON)
        pieces += [Wildcard.ANY] if head.endswith("*") else []
    if is_arn:
        pieces += [":", *_glob(tail, Wildcard.ANY, Wildcard.ONE)]
    return tuple(pieces)


def _principal_matches(principals: Principals, effect: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html."""
    for principal in (*principals.aws, *principals.service):
        ascii_text(principal, "Principal")
    arns = [principal for principal in principals.aws if not principal.isdigit()]
    by_session = or_(caller_is(arn) for arn in arns)
    by_role = or_(text_matches(PRINCIPAL_ARN, (arn,)) for arn in arns)
    by_account = or_(_account_is(principal) for principal in principals.aws)
    by_service = or_(equal(SERVICE, text(name)) for name in principals.service)
    in_list = ite(IS_SERVICE, by_service, or_([by_session, by_role, by_account]))
    if principals.anyone:
        in_list = smt.TRUE
    if not principals.negated:
        return in_list
    # A Deny with NotPrincipal exempts a caller only if the session, the role and the account are listed:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    if effect == "Deny" and not principals.anyone:
        in_list = ite(IS_SERVICE, by_service, and_([by_session, by_role, by_account]))
    return not_(in_list)


def _account_is(principal: str) -> str:
    """True if the principal is an account, by its ID or its root ARN, and the caller is in it."""
    if principal.isdigit():
        return equal(ACCOUNT, text(principal))
    root = re.fullmatch(r"arn:([\w-]+):iam::(\d{12}):root", principal)
    if not root:
        return smt.FALSE
    return and_([equal(PARTITION, text(root[1])), equal(ACCOUNT, text(root[2]))])


def _condition_holds(condition: Condition, request: SymbolicRequest) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html."""
    key = condition.key.lower()
    type_ = key_type(key)
    has_key = presence(key)
    # An absent key, no value and only empty values meet ForAllValues and never ForAnyValue, with or
    # without IfExists: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    is_null = and_(is_empty(key, *slot) for slot in request.values(key))
    if condition.operator == "Null":
        null = {"true": is_null, "false": not_(is_null)}
        return or_(null[answer.lower()] for answer in condition.values)
    tests = [
        (has_value, _value_passes(condition, type_, variable))
        for has_value, variable in request.values(key)
    ]
    match condition.quantifier:
        case "ForAllValues":
            every_value = and_(or_([not_(has_value), passes]) for has_value, passes in tests)
            return or_([is_null, every_value])
        case "ForAnyValue":
            any_value = or_(and_([has_value, passes]) for has_value, passes in tests)
            return and_([not_(is_null), any_value])
        case _ if type_ is KeyType.STRINGS:
            raise NotModelledError(
                f"{condition.operator} of {condition.key} needs ForAllValues or ForAnyValue"
                ", because the key is multivalued"
            )
        case _:
            # If the key is missing, only a negated operator and IfExists hold.
            ((_, passes),) = tests
            absent = condition.if_exists or condition.negated
            return ite(has_key, passes, smt.TRUE if absent else smt.FALSE)


def _value_passes(condition: Condition, type_: KeyType, variable: str) -> str:
    """True if the value matches one of the policy's values or, for a negated operator, none."""
    in_list = or_(_value_matches(condition, type_, variable, entry) for entry in condition.values)
    return not_(in_list) if condition.negated else in_list


def _value_matches(condition: Condition, type_: KeyType, variable: str, entry: str) -> str:
    """True if the value matches this one of the policy's values."""
    key = condition.key.lower()
    operator = condition.operator.replace("Not", "", 1)
    if (operator == "IpAddress") != (type_ is KeyType.ADDRESS):
        raise NotModelledError(f"{condition.operator} of {condition.key} is not modelled")
    literal = _literal(entry, f"{condition.operator} of {condition.key}")
    match operator:
        case "IpAddress":
            network = ipaddress.ip_network(literal, strict=False)
            return smt.in_network(value(key), is_v6(key), network)
        case "StringEquals":
            return text_matches(variable, (literal,))
        case "StringEqualsIgnoreCase" | "Bool":
            return smt.matches_ignoring_case(variable, literal)
        case "StringLike":
            return text_matches(variable, _glob(literal, Wildcard.ANY, Wildcard.ONE))
        case "ArnEquals" | "ArnLike":
            return arn_matches(variable, _arn_patterns(literal))
    raise NotModelledError(f"the operator {condition.operator} is not modelled")


def _arn_patterns(arn: str) -> tuple[Pattern, ...]:
    """Split an ARN into its six parts, each of which must match.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """
    *heads, tail = arn.split(":", 5)
    parts = [_glob(head, Wildcard.ANY_BUT_COLONS, Wildcard.ONE_BUT_A_COLON) for head in heads]
    return (*parts, _glob(tail, Wildcard.ANY, Wildcard.ONE))


def _glob(pattern: str, star: Wildcard, question_mark: Wildcard) -> Pattern:
    wildcards = {"*": star, "?": question_mark}
    return tuple(wildcards.get(piece, piece) for piece in re.split(r"([*?])", pattern))


def _literal(entry: str, place: str) -> str:
    """Return the entry. Raises NotModelledError for a policy variable, whose value the caller may choose."""
    if "${" in entry:
        raise NotModelledError(f"{place} has the policy variable {entry!r}, which is not modelled")
    return ascii_text(entry, place)
