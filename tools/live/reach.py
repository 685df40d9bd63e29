"""Decide whether policies may allow a kind of action on any resource.

Principals that no stanza defines have policies that others wrote, with elements that tools/iam does not
model. Such an element is replaced by one that allows more, so "may not" is certain and "may" errs on
the side of naming a principal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.evaluator import evaluate
from tools.iam.policy import Kind, Policy, parse_policy
from tools.isolation import encode, smt, solvers
from tools.isolation.predicate import AllOf, AnyOf, OneOf, Predicate, StartsWith, formula
from tools.isolation.solvers import Verdict
from tools.isolation.symbolic_request import NotModelledError

if TYPE_CHECKING:
    from tools.isolation.symbolic_request import SymbolicRequest

_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}

# The services that serve models or what is built of them, as their actions begin:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_BEDROCK = ("bedrock:", "bedrock-agentcore:", "bedrock-mantle:")

# IAM's actions that give a principal permissions, a key or a role; most have the access level
# "Permissions management":
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
_IAM_CHANGES = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:CreateRole",
    "iam:CreateServiceSpecificCredential",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteUserPolicy",
    "iam:DetachRolePolicy",
    "iam:DetachUserPolicy",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:ResetServiceSpecificCredential",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "iam:UpdateOpenIDConnectProviderThumbprint",
    "iam:UpdateSAMLProvider",
)


@dataclass(frozen=True)
class ActionKind:
    """Requests of one kind: those of any of ``included`` that are not of ``excluded``.

    Each of ``included`` is a question of its own, which the solvers answer many times faster.
    """

    label: str  # such as "call Bedrock or change its settings"
    included: tuple[Predicate, ...]
    excluded: Predicate
    prefixes: tuple[str, ...]  # of every included action, in lower case


def bedrock_kind() -> ActionKind:
    """Every action of Bedrock's services, except those of Bedrock itself that only describe."""
    return ActionKind(
        label="call Bedrock or change its settings",
        included=tuple(StartsWith("action", prefix) for prefix in _BEDROCK),
        excluded=AnyOf(StartsWith("action", "bedrock:Get"), StartsWith("action", "bedrock:List")),
        prefixes=_BEDROCK,
    )


def iam_kind() -> ActionKind:
    """Actions by which a principal gives itself or others permissions."""
    actions = OneOf("action", *_IAM_CHANGES)
    prefixes = tuple(action.lower() for action in _IAM_CHANGES)
    return ActionKind("change who may do what", (actions,), AnyOf(), prefixes)


def assume_kind(role_prefix: str) -> ActionKind:
    """Assuming a role whose ARN has this prefix."""
    included = AllOf(OneOf("action", "sts:AssumeRole"), StartsWith("resource", role_prefix))
    return ActionKind("assume a role of this account", (included,), AnyOf(), ("sts:assumerole",))


def resource_kind(label: str, prefixes: tuple[str, ...]) -> ActionKind:
    """Every action on a resource whose ARN has one of these prefixes."""
    included = tuple(StartsWith("resource", prefix) for prefix in prefixes)
    return ActionKind(label, included, AnyOf(), ("",))


def possible_action(
    kind: ActionKind,
    documents: Mapping[str, Mapping[str, Any] | str],
    limits: tuple[tuple[str, Mapping[str, Any] | str], ...] = (),
    policy_kind: Kind = Kind.IDENTITY,
) -> str | None:
    """Return an action of the kind that the policies and each limit allow; None if there is none.

    The documents are policies by name; a limit is a permissions boundary with its name. The result is
    the label of the kind if no concrete request is known.
    """
    policies = [
        statement
        for name, document in documents.items()
        for statement in _widened(document, name, policy_kind)
        if statement.statements[0].effect == "Deny" or _concerns(statement, kind)
    ]
    if not any(policy.statements[0].effect == "Allow" for policy in policies):
        return None
    boundaries = [_widened(document, name, Kind.IDENTITY) for name, document in limits]
    every_policy = [*policies, *(policy for boundary in boundaries for policy in boundary)]
    for included in kind.included:
        request = encode.symbolic_request(every_policy, AnyOf(included, kind.excluded))
        question = smt.and_(
            [
                formula(included, request),
                smt.not_(formula(kind.excluded, request)),
                encode.allows(policies, request),
                *(encode.allows(boundary, request) for boundary in boundaries),
            ]
        )
        if action := _decide(kind, question, request, policies, boundaries):
            return action
    return None


def _decide(
    kind: ActionKind,
    question: str,
    request: SymbolicRequest,
    policies: list[Policy],
    boundaries: list[list[Policy]],
) -> str | None:
    """Ask both solvers; only if both find no request is there none."""
    sorts = request.variables()
    lines = [f"(declare-const {name} {sort})" for name, sort in sorts.items()]
    lines += [f"(assert {axiom})" for axiom in request.axioms()]
    lines.append(f"(assert {question})")
    answers = [solvers.solve(name, "\n".join(lines), tuple(sorts)) for name in solvers.SOLVERS]
    if all(answer.verdict is Verdict.UNSAT for answer in answers):
        return None
    for answer in answers:
        if answer.verdict is Verdict.SAT:
            example = request.request(answer.model)
            try:
                if all(evaluate(side, example).allowed for side in (policies, *boundaries)):
                    return _written(example.action, policies)
            except UnsupportedPolicyError:
                break
    return kind.label


def _written(action: str, policies: list[Policy]) -> str:
    """Return the solver's action, or the pattern of a policy that it matches only by a wildcard."""
    patterns = (
        pattern
        for policy in policies
        for statement in policy.statements
        if statement.effect == "Allow" and not statement.not_actions
        for pattern in statement.actions
    )
    heads = [pattern for pattern in patterns if action.startswith(_literal(pattern))]
    return max(heads, key=len, default=action)


def _concerns(policy: Policy, kind: ActionKind) -> bool:
    """Whether a statement's actions and those of the kind may overlap, by their first letters."""
    (statement,) = policy.statements
    heads = [_literal(action) for action in statement.actions]
    return statement.not_actions or any(
        head.startswith(prefix) or prefix.startswith(head)
        for head in heads
        for prefix in kind.prefixes
    )


def _literal(pattern: str) -> str:
    """Return the beginning of an action's pattern before its first wildcard, in lower case."""
    return pattern.lower().partition("*")[0].partition("?")[0]


def _widened(document: Mapping[str, Any] | str, name: str, kind: Kind) -> list[Policy]:
    """Return one policy for each statement of a document, none of which allows less than it does."""
    parsed: Any = json.loads(document) if isinstance(document, str) else document
    statements = parsed.get("Statement", [])
    if isinstance(statements, Mapping):
        statements = [statements]
    version = {"Version": parsed["Version"]} if "Version" in parsed else {}
    return [
        policy
        for statement in statements
        for policy in _widened_statement(
            json.dumps({**version, "Statement": [statement]}), name, kind
        )
    ]


@lru_cache(maxsize=4096)
def _widened_statement(text: str, name: str, kind: Kind) -> tuple[Policy, ...]:
    """Return the statement; without its conditions, an Allow of everything, or no Deny if need be."""
    document = json.loads(text)
    (statement,) = document["Statement"]
    unconditional = {key: value for key, value in statement.items() if key != "Condition"}
    candidates = [statement]
    if statement.get("Effect") == "Allow":
        principal = {"Principal": "*"} if kind is Kind.RESOURCE else {}
        anywhere = {key: value for key, value in unconditional.items() if key != "NotResource"}
        candidates += [unconditional, {**anywhere, "Resource": "*"}, {**_EVERYTHING, **principal}]
    for candidate in candidates:
        try:
            policy = parse_policy({**document, "Statement": [candidate]}, name, kind)
            encode.allows([policy], encode.symbolic_request([policy], AnyOf()))
        except (UnsupportedPolicyError, NotModelledError):
            continue
        return (policy,)
    return ()
