"""Authorization of a call: which policies apply to the caller, and how their decisions add up.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.evaluator import Decision, PrincipalMatch, Request, Requester, evaluate
from tools.iam.policy import Kind, Policy, parse_policy
from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend, managed_document
from tools.localaws.permission import tag_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tools.localaws.call import Call, Caller
    from tools.localaws.clock import Clock
    from tools.localaws.context import LocalAwsContext
    from tools.localaws.iam.policy_propagation import PolicyPropagation
    from tools.localaws.permission import Permission

_parse = functools.lru_cache(maxsize=4096)(parse_policy)


class AccessDeniedError(ServiceError):
    """A denied permission; the caller never sees ``refused_by`` and ``reason``, only the trail does."""

    def __init__(
        self, call: Call, permission: Permission, *, refused_by: str, reason: str, explanation: str
    ) -> None:
        code, status = _error_code(call.service)
        message = (
            f"User: {call.caller.principal.arn} is not authorized to perform: {permission.action} "
            f"on resource: {permission.resource} {explanation}"
        )
        super().__init__(code, message, status)
        self.action = permission.action
        self.resource = permission.resource
        self.refused_by = refused_by
        self.reason = reason


def _error_code(service: str) -> tuple[str, int]:
    if service == "ec2":
        return "UnauthorizedOperation", 403
    if service in ("iam", "s3", "sts", "cloudwatch"):
        return "AccessDenied", 403
    return "AccessDeniedException", 400 if service in ("kms", "logs") else 403


@dataclass(frozen=True)
class CallerPolicies:
    """A caller's policies: one of ``identity`` must allow, and so must each of ``limits``."""

    identity: tuple[Policy, ...]
    limits: tuple[tuple[str, tuple[Policy, ...]], ...]  # ("permissions boundary", …), …
    tags: Mapping[str, str]


def authorize(call: Call, permissions: list[Permission], context: LocalAwsContext) -> str:
    """Return a sentence that names what gave the first permission, by which the trail identifies the call.

    Raises AccessDeniedError for the first permission that the caller does not have.
    """
    reasons = []
    for permission in permissions:
        try:
            policies = _caller_policies(call.caller, context.propagation)
            request = _request(call, policies, permission, context.clock)
            reasons.append(_decide(call, permission, policies, request))
        except UnsupportedPolicyError as error:
            raise AccessDeniedError(
                call,
                permission,
                refused_by="evaluator",
                reason=f"a policy cannot be evaluated: {error}",
                explanation="because a policy could not be evaluated",
            ) from error
    return reasons[0] if reasons else f"{call.service}:{call.operation} needs no permission"


def _decide(call: Call, permission: Permission, policies: CallerPolicies, request: Request) -> str:
    resource = _resource_decision(permission, request)
    identity = evaluate(policies.identity, request)
    limits = [(name, evaluate(limit, request)) for name, limit in policies.limits]

    def denial(policy_type: str, decision: Decision) -> AccessDeniedError:
        explanation = (
            f"with an explicit deny in {_with_article(policy_type)}"
            if decision.effect == "Deny"
            else f"because no {policy_type} allows the {permission.action} action"
        )
        is_resource_policy = policy_type == "resource-based policy"
        return AccessDeniedError(
            call,
            permission,
            refused_by=permission.resource_policy_name if is_resource_policy else policy_type,
            reason=decision.reason,
            explanation=explanation,
        )

    for policy_type, decision in [
        ("identity-based policy", identity),
        ("resource-based policy", resource),
        *limits,
    ]:
        if decision.effect == "Deny":
            raise denial(policy_type, decision)

    same_account = call.account == permission.owner
    granted_directly = same_account and resource.principal_match >= PrincipalMatch.ROLE
    if not granted_directly and not identity.allowed:
        raise denial("identity-based policy", identity)
    if not resource.allowed and (permission.policy_required or not same_account):
        raise denial("resource-based policy", resource)
    # Boundaries and session policies do not limit a grant to the user or session ARN itself.
    if not (same_account and resource.principal_match is PrincipalMatch.EXACT):
        for policy_type, decision in limits:
            if not decision.allowed:
                raise denial(policy_type, decision)
    return resource.reason if granted_directly or permission.policy_required else identity.reason


def _with_article(policy_type: str) -> str:
    return f"an {policy_type}" if policy_type[0] in "aeiou" else f"a {policy_type}"


def _resource_decision(permission: Permission, request: Request) -> Decision:
    if permission.resource_policy is None:
        return Decision(None, f"{permission.resource} has no policy that allows another account")
    kind = Kind.TRUST if permission.trust else Kind.RESOURCE
    policy = _parse(permission.resource_policy, permission.resource_policy_name, kind)
    return evaluate([policy], request)


def allows_service(document: str, name: str, kind: Kind, request: Request) -> bool:
    """Whether a resource's policy allows a request that an AWS service makes for itself.

    A policy that cannot be evaluated does not allow it.
    """
    try:
        return evaluate([_parse(document, name, kind)], request).allowed
    except UnsupportedPolicyError:
        return False


def _caller_policies(caller: Caller, propagation: PolicyPropagation) -> CallerPolicies:
    """All policies attached to a caller in moto's IAM, and the caller's session policies."""
    iam = backend("iam", caller.principal.account)
    if caller.principal.kind == "user":
        return _user_policies(iam, caller.principal.name)
    return _session_policies(iam, caller, propagation)


def _user_policies(iam: Any, name: str) -> CallerPolicies:  # noqa: ANN401
    user = iam.users[name]
    owners = [user, *iam.get_groups_for_user(name)]
    identity = [policy for owner in owners for policy in _attached_policies(owner)]
    return CallerPolicies(tuple(identity), (), tag_map(user.tags))


def _session_policies(
    iam: Any,  # noqa: ANN401
    caller: Caller,
    propagation: PolicyPropagation,
) -> CallerPolicies:
    session = caller.session
    roles = [role for role in list(iam.roles.values()) if role.arn == caller.principal.policy_arn]
    if session is None or not roles or roles[0].id != session.role_id:
        return CallerPolicies((), (), {})  # a deleted role's sessions have no permissions
    role = roles[0]
    limits: list[tuple[str, tuple[Policy, ...]]] = []
    if boundary := role.permissions_boundary_arn:
        managed = iam.managed_policies.get(boundary)
        document = managed_document(managed) if managed else '{"Version": "missing"}'
        limits.append(
            ("permissions boundary", (_identity_policy(document, f"boundary {boundary}"),))
        )
    if session.policies:
        parsed = tuple(_identity_policy(text, "session policy") for text in session.policies)
        limits.append(("session policy", parsed))
    tags = tag_map(list(role.tags.values()) if isinstance(role.tags, dict) else role.tags)
    attached = propagation.attached(role, iam.managed_policies)
    identity = (*_inline_policies(role), *_managed_policies(role, attached))
    return CallerPolicies(identity, tuple(limits), {**tags, **session.tags})


def _attached_policies(owner: Any) -> list[Policy]:  # noqa: ANN401
    return _inline_policies(owner) + _managed_policies(owner, owner.managed_policies.values())


def _inline_policies(owner: Any) -> list[Policy]:  # noqa: ANN401
    return [
        _identity_policy(text, f"inline policy {name} of {owner.name}")
        for name, text in list(owner.policies.items())
    ]


def _managed_policies(owner: Any, policies: Iterable[Any]) -> list[Policy]:  # noqa: ANN401
    return [
        _identity_policy(managed_document(policy), f"managed policy {policy.name} of {owner.name}")
        for policy in list(policies)
    ]


def _identity_policy(document: str, name: str) -> Policy:
    return _parse(document, name, Kind.IDENTITY)


def _request(call: Call, policies: CallerPolicies, permission: Permission, clock: Clock) -> Request:
    """The request with all global condition keys.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    caller, principal = call.caller, call.caller.principal
    now = clock.now()
    context: dict[str, str | tuple[str, ...]] = {
        "aws:CurrentTime": now.isoformat(),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalArn": principal.policy_arn,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": "User" if principal.kind == "user" else "AssumedRole",
        "aws:RequestedRegion": call.region,
        "aws:ResourceAccount": permission.owner,
        # The local AWS stands in for endpoints that accept TLS only, although it serves plain HTTP.
        "aws:SecureTransport": "true",
        "aws:SourceIp": call.source_ip,
        "aws:ViaAWSService": "false",
        "aws:userid": caller.user_id,
        **{f"aws:PrincipalTag/{key}": value for key, value in policies.tags.items()},
    }
    if principal.kind == "user":
        context["aws:username"] = principal.name
    if caller.session is not None:
        # AWS sets this key for temporary keys only, and the local AWS has no MFA devices:
        # …#condition-keys-multifactorauthpresent
        context["aws:MultiFactorAuthPresent"] = "false"
        context["aws:TokenIssueTime"] = caller.session.issued.isoformat()
        if caller.session.source_identity:
            context["aws:SourceIdentity"] = caller.session.source_identity
        context |= caller.session.request_context
    return Request(
        action=permission.action,
        resource=permission.resource,
        context={**context, **permission.context},
        requester=Requester(principal.account, principal.arn, principal.policy_arn),
    )
