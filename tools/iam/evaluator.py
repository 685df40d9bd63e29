"""The decision of IAM policies on one request, with a reason for each statement that does not match.

The functions are pure: no clock, no network, no state. The rules and their order:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from tools.iam import globs
from tools.iam.conditions import Condition, holds
from tools.iam.globs import Context, UnresolvedVariableError
from tools.iam.policy import Kind, Policy, Principals, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# The values of these keys are shared secrets, which must not appear in a reason.
_SECRET_KEYS = frozenset({"sts:externalid"})


class PrincipalMatch(IntEnum):
    """How directly a Principal element matches the requester, in ascending order."""

    NONE = 0
    ACCOUNT = 1  # the account, which may then delegate with its own identity policies
    ROLE = 2  # the role of a session, or anyone
    EXACT = 3  # the user, the session or the service itself


@dataclass(frozen=True)
class Requester:
    """The identity that a Principal element is matched with; ``service`` is set for AWS services only."""

    account: str = ""
    arn: str = ""
    policy_arn: str = ""
    service: str | None = None


@dataclass(frozen=True)
class Request:
    """An action on a resource. ``context`` holds condition keys, each with one or several values."""

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    requester: Requester = Requester()

    def values(self) -> Context:
        """The context with lower-case keys and tuples of values."""
        return {
            key.lower(): (value,) if isinstance(value, str) else tuple(value)
            for key, value in self.context.items()
        }


@dataclass(frozen=True)
class Miss:
    """The reason why a statement does not match; ``depth`` is the number of elements that do."""

    policy: str
    sid: str
    reason: str
    depth: int


@dataclass(frozen=True)
class Decision:
    """``effect`` is Allow, Deny, or None when no statement matches (an implicit deny)."""

    effect: str | None
    reason: str
    statement: Statement | None = None
    principal_match: PrincipalMatch = PrincipalMatch.NONE
    misses: tuple[Miss, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the policies allow the request."""
        return self.effect == "Allow"


def evaluate(policies: Iterable[Policy], request: Request) -> Decision:
    """The decision of all policies together: a Deny overrides any Allow.

    Raises UnsupportedPolicyError when no page decides whether a statement matches.
    """
    context = request.values()
    misses: list[Miss] = []
    allow: Decision | None = None
    for policy in policies:
        for statement in policy.statements:
            outcome = _match(statement, policy, request, context)
            if isinstance(outcome, Miss):
                misses.append(outcome)
                continue
            verb = "allows" if statement.effect == "Allow" else "denies"
            decision = Decision(
                effect=statement.effect,
                reason=f"{policy.name}: statement {statement.sid} {verb} {request.action}",
                statement=statement,
                principal_match=outcome,
            )
            if decision.effect == "Deny":
                return decision
            if allow is None or decision.principal_match > allow.principal_match:
                allow = decision
    if allow is not None:
        return allow
    return Decision(effect=None, reason=_nearest_miss(misses, request), misses=tuple(misses))


def _nearest_miss(misses: Sequence[Miss], request: Request) -> str:
    if not misses:
        return f"no policy has a statement about {request.action}"
    nearest = max(misses, key=lambda miss: miss.depth)
    return f"{nearest.policy}: statement {nearest.sid} does not match: {nearest.reason}"


def _match(
    statement: Statement, policy: Policy, request: Request, context: Context
) -> PrincipalMatch | Miss:
    """How a matching statement matches the requester, or the reason why it does not match."""

    def miss(reason: str, depth: int) -> Miss:
        return Miss(policy.name, statement.sid, reason, depth)

    principal_match = PrincipalMatch.EXACT
    if statement.principals is not None:
        principal_match = _match_principals(statement, statement.principals, request.requester)
        if principal_match is PrincipalMatch.NONE:
            return miss("it is for other principals", 0)
    if not _has_action(statement, request.action):
        return miss(f"{request.action} is not among its actions", 1)
    if policy.kind is not Kind.TRUST and not _has_resource(
        statement, request.resource, context, variables=policy.variables
    ):
        return miss(f"{request.resource} is not among its resources", 2)
    for condition in statement.conditions:
        if not holds(condition, context):
            return miss(_condition_reason(condition, context), 3)
    return principal_match


def _match_principals(
    statement: Statement, principals: Principals, requester: Requester
) -> PrincipalMatch:
    if not principals.negated:
        return _match_element(principals, requester)
    # NotPrincipal matches all principals that it does not list. A Deny exempts only a requester
    # that is listed in all its forms: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    if statement.effect == "Deny":
        exempt = _lists_all_forms(principals, requester)
    else:
        exempt = _match_element(principals, requester) is not PrincipalMatch.NONE
    return PrincipalMatch.NONE if exempt else PrincipalMatch.ROLE


def _match_element(principals: Principals, requester: Requester) -> PrincipalMatch:
    """How the element's list matches the requester, regardless of negation.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if requester.service is not None:
        if requester.service in principals.service:
            return PrincipalMatch.EXACT
        return PrincipalMatch.ROLE if principals.anyone else PrincipalMatch.NONE
    if requester.arn in principals.aws:
        return PrincipalMatch.EXACT
    if principals.anyone or requester.policy_arn in principals.aws:
        return PrincipalMatch.ROLE
    return PrincipalMatch.ACCOUNT if _lists_account(principals, requester) else PrincipalMatch.NONE


def _lists_all_forms(principals: Principals, requester: Requester) -> bool:
    if principals.anyone or requester.service is not None:
        return _match_element(principals, requester) is not PrincipalMatch.NONE
    return {requester.arn, requester.policy_arn} <= set(principals.aws) and _lists_account(
        principals, requester
    )


def _lists_account(principals: Principals, requester: Requester) -> bool:
    partition = requester.arn.partition(":")[2].partition(":")[0]
    root = f"arn:{partition}:iam::{requester.account}:root"
    return requester.account in principals.aws or root in principals.aws


def _has_action(statement: Statement, action: str) -> bool:
    """Actions are case-insensitive: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html."""
    listed = any(
        globs.matches(globs.expand(pattern, {}, variables=False), action, ignore_case=True)
        for pattern in statement.actions
    )
    return listed != statement.not_actions


def _has_resource(
    statement: Statement, resource: str, context: Context, *, variables: bool
) -> bool:
    listed = any(
        _matches_resource(pattern, resource, context, variables=variables)
        for pattern in statement.resources or ()
    )
    return listed != statement.not_resources


def _matches_resource(pattern: str, resource: str, context: Context, *, variables: bool) -> bool:
    """Whether one entry of Resource or NotResource matches; one with an unset variable matches nothing.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value
    """
    try:
        expanded = globs.expand(pattern, context, variables=variables)
    except UnresolvedVariableError:
        return False
    return globs.matches_resource(expanded, resource)


def _condition_reason(condition: Condition, context: Context) -> str:
    """The request's value, but never the policy's, which may be another tenant's secret."""
    values = context.get(condition.key.lower())
    if values is None:
        return f"{condition.key} is missing"
    if condition.operator == "Null":
        return f"{condition.key} is present, but the policy requires its absence"
    if condition.key.lower() in _SECRET_KEYS:
        return f"{condition.key} does not have the value that the policy requires"
    texts = ", ".join(f'"{value}"' for value in values)
    return f"{condition.key} is {texts}, but the policy requires another value"
