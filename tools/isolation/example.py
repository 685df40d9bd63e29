"""Concrete requests: one that a claim fails on, as plain as can be, and those that must be allowed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.iam.evaluator import Request, Requester, evaluate
from tools.iam.policy import Kind
from tools.isolation.predicate import Absent, All, Any, Begins, Is, Predicate, Within, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.isolation.claims import Claim

# Tried one after another in place of what a solver made up; the first that is no less wrong is shown.
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
_PARTS = ((3, "eu-west-3"), (3, "us-west-2"), (4, "999999999999"))
_CALLERS = ("arn:aws:iam::999999999999:role/stranger", "arn:aws:iam::{}:role/other")
_TEXTS = ("other", "unspecified", "eu-west-3")
# Of these a request has one or the other: see World.axioms.
_EITHER = {"aws:sourceip", "aws:sourcevpce"}


@dataclass(frozen=True)
class Counterexample:
    """A request on which policies and stanza differ, by the evaluator's own verdict."""

    request: Request
    allowed: bool  # by the policies; the stanza means the opposite
    reason: str  # the statement that lets it through, or why none does


def counterexample(claim: Claim, request: Request) -> Counterexample | None:
    """The plainest such request near the one that a solver found; None where the evaluator sees none."""
    if not _differs(claim, request):
        return None
    for name in [key for key in request.context if key not in _EITHER and key not in _IDENTITY]:
        less = {key: value for key, value in request.context.items() if key != name}
        request = _first(claim, [replace(request, context=less)], request)
    for alternatives in (_callers, _actions, _resources):
        request = _first(claim, alternatives(claim, request), request)
    for name in sorted(request.context.keys() - _EITHER - _IDENTITY):
        plainer = [replace(request, context={**request.context, name: text}) for text in _TEXTS]
        request = _first(claim, plainer, request)
    decision = evaluate(claim.policies, request)
    return Counterexample(request, decision.allowed, decision.reason)


def witnesses(meaning: Predicate) -> list[Request]:
    """Requests that must be allowed; together they take every alternative that the meaning has."""
    return [_request(chosen) for chosen in _choices(meaning)]


def _choices(predicate: Predicate) -> list[dict[str, str]]:
    """Fields and the texts that make the predicate true."""
    match predicate:
        case Any(parts):
            return [choice for part in parts for choice in _choices(part)]
        case All(parts):
            return _together([_choices(part) for part in parts])
        case Absent():
            return [{}]
        case Is(field, texts):
            values = list(texts)
        case Begins(field, prefix):
            values = [f"{prefix}0123456789ab"]
        case Within(field, networks):
            nets = (ipaddress.ip_network(network, strict=False) for network in networks)
            values = [str(net.network_address) for net in nets]
    return [{field: value} for value in values]


def _together(each: list[list[dict[str, str]]]) -> list[dict[str, str]]:
    """Not every combination, which is for the solvers, but each alternative at least once."""
    if not all(each):
        return []
    return [
        {field: text for of in each for field, text in of[turn % len(of)].items()}
        for turn in range(max(map(len, each), default=1))
    ]


_IDENTITY = {"aws:principalaccount", "aws:principalarn"}
_FIELDS = {"action", "resource", "caller.service"}


def _request(chosen: Mapping[str, str]) -> Request:
    context = {key: text for key, text in chosen.items() if key not in _FIELDS}
    action, resource = chosen.get("action", "s3:PutObject"), chosen.get("resource", "*")
    if service := chosen.get("caller.service"):
        return Request(action, resource, context, Requester(service=service))
    caller = chosen.get("aws:principalarn", "arn:aws:iam::999999999999:role/any")
    return _called_by(Request(action, resource, context), caller)


def _called_by(request: Request, role: str) -> Request:
    """The same request by a session of a role, or by a user."""
    _, partition, _, _, account, path = role.split(":", 5)
    kind, _, name = path.partition("/")
    session = f"arn:{partition}:sts::{account}:assumed-role/{name.rpartition('/')[2]}/session"
    identity = {"aws:principalaccount": account, "aws:principalarn": role}
    return replace(
        request,
        context={**request.context, **identity},
        requester=Requester(account, session if kind == "role" else role, role),
    )


def _differs(claim: Claim, request: Request) -> bool:
    return evaluate(claim.policies, request).allowed != holds(claim.meaning, request)


def _first(claim: Claim, candidates: list[Request], otherwise: Request) -> Request:
    return next((one for one in candidates if _differs(claim, one)), otherwise)


def _callers(claim: Claim, request: Request) -> list[Request]:
    if claim.of_role and claim.policies and claim.policies[0].kind is Kind.IDENTITY:
        return [_called_by(request, claim.of_role)]
    if request.requester.service is not None:
        return []
    others = (caller.format(request.requester.account) for caller in _CALLERS)
    return [_called_by(request, role) for role in [*others, request.requester.policy_arn]]


def _actions(claim: Claim, request: Request) -> list[Request]:
    written = [a for policy in claim.policies for its in policy.statements for a in its.actions]
    spelled = [action for action in written if action.lower() == request.action]
    return [replace(request, action=action) for action in [*spelled, *_ACTIONS]]


def _resources(claim: Claim, request: Request) -> list[Request]:
    if claim.of_role and claim.policies[0].kind is Kind.TRUST:
        return [replace(request, resource=claim.of_role)]
    parts = request.resource.split(":", 5)
    others = [
        ":".join([*parts[:index], other, *parts[index + 1 :]])
        for index, other in _PARTS
        if len(parts) == 6 and parts[index]
    ]
    return [replace(request, resource=resource) for resource in [*_RESOURCES, *others]]
