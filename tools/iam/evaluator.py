"""The verdict of IAM policies on one request, with a sentence for each statement that passed it by.

Pure: no clock, no network, no state. The rules and their order:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from tools.iam import globs
from tools.iam.conditions import Condition, UnsupportedPolicyError, holds
from tools.iam.globs import Context, UnresolvedVariableError
from tools.iam.policy import Kind, Policy, Principals, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Values of these keys are shared secrets of a kind: no sentence ever holds one.
_UNSPOKEN_KEYS = frozenset({"sts:externalid"})


class Named(IntEnum):
    """How a Principal element names the requester; the larger, the more directly."""

    NOT = 0
    ACCOUNT = 1  # the account, which may then delegate with its own identity policies
    ROLE = 2  # the role of a session, or anyone
    SELF = 3  # the user, the session or the service itself


@dataclass(frozen=True)
class Requester:
    """Who asks, in the forms a Principal element can name; ``service`` only for AWS services."""

    account: str = ""
    arn: str = ""
    policy_arn: str = ""
    service: str | None = None


@dataclass(frozen=True)
class Request:
    """One thing to be allowed. ``context`` holds condition keys and their one or many values."""

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
    """Why a statement has no say in a request; ``depth`` counts the elements that did match."""

    policy: str
    sid: str
    why: str
    depth: int


@dataclass(frozen=True)
class Decision:
    """``effect`` is Allow, Deny, or None when no statement matches (an implicit deny)."""

    effect: str | None
    reason: str
    statement: Statement | None = None
    named: Named = Named.NOT
    misses: tuple[Miss, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the policies allow the request."""
        return self.effect == "Allow"


def evaluate(policies: Iterable[Policy], request: Request) -> Decision:
    """The verdict of all policies together: a Deny wins over any Allow.

    Raises UnsupportedPolicyError when a matching statement cannot be decided.
    """
    context = request.values()
    misses: list[Miss] = []
    allow: Decision | None = None
    for policy in policies:
        for statement in policy.statements:
            outcome = _consider(statement, policy, request, context)
            if isinstance(outcome, Miss):
                misses.append(outcome)
                continue
            verb = "allows" if statement.effect == "Allow" else "denies"
            decision = Decision(
                effect=statement.effect,
                reason=f"{policy.name}: statement {statement.sid} {verb} {request.action}",
                statement=statement,
                named=outcome,
            )
            if decision.effect == "Deny":
                return decision
            if allow is None or decision.named > allow.named:
                allow = decision
    if allow is not None:
        return allow
    return Decision(effect=None, reason=_why_nothing_matches(misses, request), misses=tuple(misses))


def _why_nothing_matches(misses: Sequence[Miss], request: Request) -> str:
    if not misses:
        return f"no policy says anything about {request.action}"
    nearest = max(misses, key=lambda miss: miss.depth)
    return f"{nearest.policy}: statement {nearest.sid} does not match: {nearest.why}"


def _consider(
    statement: Statement, policy: Policy, request: Request, context: Context
) -> Named | Miss:
    """How the matching statement names the requester, or why it does not match."""

    def miss(why: str, depth: int) -> Miss:
        return Miss(policy.name, statement.sid, why, depth)

    named = Named.SELF
    if statement.principals is not None:
        named = _names(statement, statement.principals, request.requester)
        if named is Named.NOT:
            return miss("it is for other principals", 0)
    if not _has_action(statement, request.action):
        return miss(f"{request.action} is not among its actions", 1)
    try:
        if policy.kind is not Kind.TRUST and not _has_resource(
            statement, request.resource, context, variables=policy.variables
        ):
            return miss(f"{request.resource} is not among its resources", 2)
        for condition in statement.conditions:
            if not holds(condition, context):
                return miss(_why_not(condition, context), 3)
    except UnresolvedVariableError as error:
        return _unresolved(statement, policy, error)
    return named


def _unresolved(statement: Statement, policy: Policy, error: UnresolvedVariableError) -> Miss:
    """An Allow without its variable's value matches nothing; a Deny must not vanish for it."""
    negated = statement.not_resources or any(test.negated for test in statement.conditions)
    if statement.effect == "Deny" or negated:
        message = f"{policy.name}: statement {statement.sid} needs {error}, which has no value."
        raise UnsupportedPolicyError(message) from error
    return Miss(policy.name, statement.sid, f"{error} has no value", 2)


def _names(statement: Statement, principals: Principals, requester: Requester) -> Named:
    if not principals.negated:
        return _named_in(principals, requester)
    # NotPrincipal speaks about everyone it does not name. A Deny spares only those named in all
    # their forms: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    if statement.effect == "Deny":
        spared = _named_in_full(principals, requester)
    else:
        spared = _named_in(principals, requester) is not Named.NOT
    return Named.NOT if spared else Named.ROLE


def _named_in(principals: Principals, requester: Requester) -> Named:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html."""
    if requester.service is not None:
        named = requester.service in principals.service
        return Named.SELF if named else Named.ROLE if principals.anyone else Named.NOT
    if requester.arn in principals.aws:
        return Named.SELF
    if principals.anyone or requester.policy_arn in principals.aws:
        return Named.ROLE
    return Named.ACCOUNT if _account_named_in(principals, requester) else Named.NOT


def _named_in_full(principals: Principals, requester: Requester) -> bool:
    if principals.anyone or requester.service is not None:
        return _named_in(principals, requester) is not Named.NOT
    return {requester.arn, requester.policy_arn} <= set(principals.aws) and _account_named_in(
        principals, requester
    )


def _account_named_in(principals: Principals, requester: Requester) -> bool:
    partition = requester.arn.partition(":")[2].partition(":")[0]
    root = f"arn:{partition}:iam::{requester.account}:root"
    return requester.account in principals.aws or root in principals.aws


def _has_action(statement: Statement, action: str) -> bool:
    """Actions know no case: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html."""
    listed = any(
        globs.matches(globs.expand(pattern, {}, variables=False), action, ignore_case=True)
        for pattern in statement.actions
    )
    return listed != statement.not_actions


def _has_resource(
    statement: Statement, resource: str, context: Context, *, variables: bool
) -> bool:
    listed = any(
        globs.matches_resource(globs.expand(pattern, context, variables=variables), resource)
        for pattern in statement.resources or ()
    )
    return listed != statement.not_resources


def _why_not(condition: Condition, context: Context) -> str:
    """What the request has; never what the policy wants, which may be another tenant's secret."""
    given = context.get(condition.key.lower())
    if given is None:
        return f"{condition.key} is missing"
    if condition.operator == "Null":
        return f"{condition.key} is present, the policy wants it absent"
    if condition.key.lower() in _UNSPOKEN_KEYS:
        return f"{condition.key} is not the value that the policy wants"
    shown = ", ".join(f'"{value}"' for value in given)
    return f"{condition.key} is {shown}, the policy wants another value"
