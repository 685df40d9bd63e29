"""Find concrete requests: simple counterexamples, and requests that must be allowed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.iam.evaluator import Request, Requester, evaluate
from tools.iam.policy import Kind
from tools.isolation.predicate import (
    Absent,
    AllOf,
    AnyOf,
    EachOf,
    InNetwork,
    InOrder,
    Not,
    OneOf,
    Predicate,
    StartsWith,
    holds,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.isolation.claims import Claim

# Familiar values that replace a solver's arbitrary ones: the first that still violates the claim is used.
_ACTIONS = (
    "bedrock:InvokeModel",
    "bedrock:PutModelInvocationLoggingConfiguration",
    "s3:PutObject",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    "sts:TagSession",
    "iam:PassRole",
    "kms:CreateGrant",
    "kms:Decrypt",
    "logs:DeleteLogGroup",
    "logs:GetLogEvents",
)
_RESOURCES = (
    "arn:aws:bedrock:eu-west-3::foundation-model/amazon.nova-pro-v1:0",
    "arn:aws:s3:::bucket/object",
)
_ARN_PARTS = ((3, "eu-west-3"), (3, "us-west-2"), (4, "999999999999"))
_CALLERS = ("arn:aws:iam::999999999999:role/stranger", "arn:aws:iam::{}:role/other")
_TEXTS = ("other", "unspecified", "eu-west-3")
# Every request has exactly one of these keys, see SymbolicRequest.axioms.
_SOURCE_KEYS = {"aws:sourceip", "aws:sourcevpce"}
_IDENTITY_KEYS = {"aws:principalaccount", "aws:principalarn"}
_FIELDS = {"action", "resource", "caller.service"}


@dataclass(frozen=True)
class Counterexample:
    """A request for which the evaluator's verdict differs from the specification."""

    request: Request
    allowed: bool  # by the policies; the specification says the opposite
    reason: str  # the statement that allows or denies it, or why no statement applies


def counterexample(claim: Claim, request: Request) -> Counterexample | None:
    """Simplify a request that violates the claim; None if the evaluator finds that it does not."""
    if not _violates(claim, request):
        return None
    for name in [*request.context]:
        if name not in _SOURCE_KEYS | _IDENTITY_KEYS:
            context = {key: value for key, value in request.context.items() if key != name}
            request = _first_violation(claim, [replace(request, context=context)], request)
    for alternatives in (_callers, _actions, _resources):
        request = _first_violation(claim, alternatives(claim, request), request)
    for name in sorted(request.context.keys() - _SOURCE_KEYS - _IDENTITY_KEYS):
        simpler_requests = [
            replace(request, context={**request.context, name: text}) for text in _TEXTS
        ]
        request = _first_violation(claim, simpler_requests, request)
    decision = evaluate(claim.policies, request)
    return Counterexample(request, decision.allowed, decision.reason)


def witnesses(specification: Predicate) -> list[Request]:
    """Return requests that must be allowed, which together use every alternative of the specification."""
    return [_request(fields) for fields in _solutions(specification)]


def _solutions(predicate: Predicate) -> list[dict[str, str]]:
    """Return values of the fields that make the predicate true."""
    match predicate:
        case AnyOf(parts):
            return [solution for part in parts for solution in _solutions(part)]
        case AllOf(parts):
            return _combinations([_solutions(part) for part in parts])
        case Absent() | Not():
            return [{}]  # no Not in a specification excludes the other values of such a request
        case OneOf(field, texts) | EachOf(field, texts):
            values = list(texts)
        case StartsWith(field, prefix):
            values = [f"{prefix}0123456789ab"]
        case InOrder(field, texts):
            values = ["0123456789ab".join([*texts, ""])]
        case InNetwork(field, networks):
            nets = (ipaddress.ip_network(network, strict=False) for network in networks)
            values = [str(net.network_address) for net in nets]
    return [{field: value} for value in values]


def _combinations(parts: list[list[dict[str, str]]]) -> list[dict[str, str]]:
    """Use each part's alternatives at least once; the solvers cover all combinations of them."""
    if not all(parts):
        return []
    return [
        {field: text for part in parts for field, text in part[turn % len(part)].items()}
        for turn in range(max(map(len, parts), default=1))
    ]


def _request(fields: Mapping[str, str]) -> Request:
    context = {key: text for key, text in fields.items() if key not in _FIELDS}
    action, resource = fields.get("action", "s3:PutObject"), fields.get("resource", "*")
    if service := fields.get("caller.service"):
        return Request(action, resource, context, Requester(service=service))
    caller = fields.get("aws:principalarn", "arn:aws:iam::999999999999:role/any")
    return _with_caller(Request(action, resource, context), caller)


def _with_caller(request: Request, arn: str) -> Request:
    """Return the same request from a session of the role, or from the user, with the ARN."""
    _, partition, _, _, account, path = arn.split(":", 5)
    kind, _, name = path.partition("/")
    session = f"arn:{partition}:sts::{account}:assumed-role/{name.rpartition('/')[2]}/session"
    identity = {"aws:principalaccount": account, "aws:principalarn": arn}
    return replace(
        request,
        context={**request.context, **identity},
        requester=Requester(account, session if kind == "role" else arn, arn),
    )


def _violates(claim: Claim, request: Request) -> bool:
    allowed, specified = (
        evaluate(claim.policies, request).allowed,
        holds(claim.specification, request),
    )
    return allowed != specified and (claim.exact or allowed)


def _first_violation(claim: Claim, candidates: list[Request], default: Request) -> Request:
    return next((candidate for candidate in candidates if _violates(claim, candidate)), default)


def _callers(claim: Claim, request: Request) -> list[Request]:
    if claim.role_arn and claim.policies and claim.policies[0].kind is Kind.IDENTITY:
        return [_with_caller(request, claim.role_arn)]
    if request.requester.service is not None:
        return []
    others = (caller.format(request.requester.account) for caller in _CALLERS)
    return [_with_caller(request, arn) for arn in [*others, request.requester.policy_arn]]


def _actions(claim: Claim, request: Request) -> list[Request]:
    statements = (statement for policy in claim.policies for statement in policy.statements)
    policy_actions = (action for statement in statements for action in statement.actions)
    same_action = [action for action in policy_actions if action.lower() == request.action]
    return [replace(request, action=action) for action in [*same_action, *_ACTIONS]]


def _resources(claim: Claim, request: Request) -> list[Request]:
    if claim.role_arn and any(policy.kind is Kind.TRUST for policy in claim.policies):
        return [replace(request, resource=claim.role_arn)]
    parts = request.resource.split(":", 5)
    others = [
        ":".join([*parts[:index], text, *parts[index + 1 :]])
        for index, text in _ARN_PARTS
        if len(parts) == 6 and parts[index]
    ]
    return [replace(request, resource=resource) for resource in [*_RESOURCES, *others]]
