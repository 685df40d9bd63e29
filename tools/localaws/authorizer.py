"""Whether a caller may do a call: which policies count, and how they add up.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.evaluator import Decision, Named, Request, Requester, evaluate
from tools.iam.policy import Kind, Policy, parse_policy
from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backends, managed_document
from tools.localaws.required_permissions import Check, tags_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.clock import Clock
    from tools.localaws.identity import Caller

_parse = functools.lru_cache(maxsize=4096)(parse_policy)


class RefusedError(ServiceError):
    """An access denial; ``refused_by`` and ``reason`` are for the trail, not for the caller."""

    def __init__(
        self, call: Call, check: Check, *, refused_by: str, reason: str, because: str
    ) -> None:
        arn = call.principal.arn if call.principal else "anonymous"
        code, status = _denial(call.service)
        message = (
            f"User: {arn} is not authorized to perform: {check.action} "
            f"on resource: {check.resource} {because}"
        )
        super().__init__(code, message, status)
        self.action = check.action
        self.resource = check.resource
        self.refused_by = refused_by
        self.reason = reason


def _denial(service: str) -> tuple[str, int]:
    if service == "ec2":
        return "UnauthorizedOperation", 403
    if service in ("iam", "s3", "sts", "cloudwatch"):
        return "AccessDenied", 403
    return "AccessDeniedException", 400 if service in ("kms", "logs") else 403


@dataclass(frozen=True)
class CallerPolicies:
    """What limits a caller: any of ``identity`` allows, and each of ``limits`` must allow too."""

    identity: tuple[Policy, ...]
    limits: tuple[tuple[str, tuple[Policy, ...]], ...]  # ("permissions boundary", …), …
    tags: Mapping[str, str]


def authorize(call: Call, caller: Caller, checks: list[Check], clock: Clock) -> str:
    """A sentence on what allowed the call; raises RefusedError on the first check that fails."""
    reason = f"{call.service}:{call.operation} needs no permission"
    for check in checks:
        try:
            policies = caller_policies(caller)
            request = _request(call, caller, policies, check, clock)
            reason = _decide(call, caller, check, policies, request)
        except UnsupportedPolicyError as error:
            raise RefusedError(
                call,
                check,
                refused_by="evaluator",
                reason=f"a policy cannot be decided: {error}",
                because="because a policy could not be evaluated",
            ) from error
    return reason


def _decide(
    call: Call, caller: Caller, check: Check, policies: CallerPolicies, request: Request
) -> str:
    resource = _resource_decision(check, request)
    identity = evaluate(policies.identity, request)
    limits = [(name, evaluate(limit, request)) for name, limit in policies.limits]

    def refuse(who: str, decision: Decision) -> RefusedError:
        because = (
            f"with an explicit deny in {_article(who)}"
            if decision.effect == "Deny"
            else f"because no {who} allows the {check.action} action"
        )
        return RefusedError(
            call,
            check,
            refused_by=check.resource_policy_name if who == "resource-based policy" else who,
            reason=decision.reason,
            because=because,
        )

    for who, decision in [
        ("identity-based policy", identity),
        ("resource-based policy", resource),
        *limits,
    ]:
        if decision.effect == "Deny":
            raise refuse(who, decision)

    same_account = caller.principal.account == check.owner
    granted_directly = same_account and resource.named >= Named.ROLE
    if not granted_directly and not identity.allowed:
        raise refuse("identity-based policy", identity)
    if not resource.allowed and (check.policy_required or not same_account):
        raise refuse("resource-based policy", resource)
    # A policy that names the session or user itself is not narrowed by what they are limited to.
    if not (same_account and resource.named is Named.SELF):
        for who, decision in limits:
            if not decision.allowed:
                raise refuse(who, decision)
    return resource.reason if granted_directly or check.policy_required else identity.reason


def _article(who: str) -> str:
    return f"an {who}" if who[0] in "aeiou" else f"a {who}"


def _resource_decision(check: Check, request: Request) -> Decision:
    if check.resource_policy is None:
        return Decision(None, f"{check.resource} has no policy that lets another account in")
    kind = Kind.TRUST if check.trust else Kind.RESOURCE
    policy = _parse(check.resource_policy, check.resource_policy_name, kind)
    return evaluate([policy], request)


def service_may_use(policy: str, name: str, request: Request) -> Decision:
    """Whether a resource policy lets an AWS service in; raises UnsupportedPolicyError."""
    return evaluate([_parse(policy, name, Kind.RESOURCE)], request)


def caller_policies(caller: Caller) -> CallerPolicies:
    """Everything attached to a caller in moto's IAM, and its session policies."""
    iam = backends("iam")[caller.principal.account]["global"]
    if caller.principal.kind == "user":
        return _user_policies(iam, caller.principal.name)
    return _session_policies(iam, caller)


def _user_policies(iam: Any, name: str) -> CallerPolicies:  # noqa: ANN401
    user = iam.users[name]
    owners = [user, *iam.get_groups_for_user(name)]
    identity = [policy for owner in owners for policy in _attached(owner)]
    return CallerPolicies(tuple(identity), (), tags_of(user.tags))


def _session_policies(iam: Any, caller: Caller) -> CallerPolicies:  # noqa: ANN401
    session = caller.session
    roles = [role for role in list(iam.roles.values()) if role.arn == caller.principal.policy_arn]
    if session is None or not roles or roles[0].id != session.role_id:
        return CallerPolicies((), (), {})  # the role is gone: its sessions may do nothing
    role = roles[0]
    limits: list[tuple[str, tuple[Policy, ...]]] = []
    if boundary := role.permissions_boundary_arn:
        managed = iam.managed_policies.get(boundary)
        document = managed_document(managed) if managed else '{"Version": "missing"}'
        limits.append(("permissions boundary", (_identity(document, f"boundary {boundary}"),)))
    if session.policies:
        parsed = tuple(_identity(text, "session policy") for text in session.policies)
        limits.append(("session policy", parsed))
    tags = tags_of(list(role.tags.values()) if isinstance(role.tags, dict) else role.tags)
    return CallerPolicies(tuple(_attached(role)), tuple(limits), {**tags, **session.tags})


def _attached(owner: Any) -> list[Policy]:  # noqa: ANN401
    inline = [
        _identity(text, f"inline policy {name} of {owner.name}")
        for name, text in list(owner.policies.items())
    ]
    managed = [
        _identity(managed_document(policy), f"managed policy {policy.name} of {owner.name}")
        for policy in list(owner.managed_policies.values())
    ]
    return inline + managed


def _identity(document: str, name: str) -> Policy:
    return _parse(document, name, Kind.IDENTITY)


def _request(
    call: Call, caller: Caller, policies: CallerPolicies, check: Check, clock: Clock
) -> Request:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html."""
    principal = caller.principal
    now = clock.now()
    context: dict[str, str | tuple[str, ...]] = {
        "aws:CurrentTime": now.isoformat(),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalArn": principal.policy_arn,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": "User" if principal.kind == "user" else "AssumedRole",
        "aws:RequestedRegion": call.region,
        "aws:ResourceAccount": check.owner,
        # The cloud stands for endpoints that only speak TLS, though loopback itself does not.
        "aws:SecureTransport": "true",
        "aws:SourceIp": call.source_ip,
        "aws:ViaAWSService": "false",
        "aws:userid": caller.user_id,
        **{f"aws:PrincipalTag/{key}": value for key, value in policies.tags.items()},
    }
    if principal.kind == "user":
        context["aws:username"] = principal.name
    if caller.session is not None:
        # There for temporary keys only, and here nobody signs in with a second factor:
        # …#condition-keys-multifactorauthpresent
        context["aws:MultiFactorAuthPresent"] = "false"
        context["aws:TokenIssueTime"] = caller.session.issued.isoformat()
        if caller.session.source_identity:
            context["aws:SourceIdentity"] = caller.session.source_identity
        context |= caller.session.request_context
    return Request(
        action=check.action,
        resource=check.resource,
        context={**context, **check.context},
        requester=Requester(principal.account, principal.arn, principal.policy_arn),
    )
