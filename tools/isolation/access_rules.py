"""Specify the rules that tell the operator of access: what each matches, and all that it says.

This is independent of modules/operations-guard. A sentence takes only fields of AWS's making from an event, so no
text of a customer, an ExternalId, a policy or a session's name can reach the topic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.isolation.guard_specification import (
    GUARD,
    LEASE,
    denial_arns,
    guard_name,
    has_lease,
    iam_events_region,
    regional_arn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.isolation.operations_specification import Environment

ACCOUNTS_OF_A_PATTERN = 100
_USER_IDENTITY = "$.detail.userIdentity"
_ISSUER = f"{_USER_IDENTITY}.sessionContext.sessionIssuer.arn"
_CALLER = {"role": _ISSUER, "type": f"{_USER_IDENTITY}.type", "user": f"{_USER_IDENTITY}.userName"}
_ABSENT = {"exists": False}


@dataclass(frozen=True)
class AccessRule:
    """One rule: what it matches of an event, whether of read-only events too, and what it takes from one."""

    detail: Mapping[str, Any]
    paths: Mapping[str, str]
    read_only: bool = False


def access_rules(env: Environment) -> dict[str, AccessRule]:
    """Return the rules of an environment by the ends of their names; none if it has switched them off."""
    guard = env.guard or {}
    if env.guard is None or guard.get("access_rules") is False:
        return {}
    return dict(_rules(env))


def pattern(env: Environment, rule: AccessRule) -> Mapping[str, Any]:
    """Return the whole pattern of a rule: management events of this account, which AWS alone can send."""
    return {
        "account": [env.account],
        "detail": rule.detail,
        "detail-type": ["AWS API Call via CloudTrail"],
        "source": [{"prefix": "aws."}],
    }


def paths(rule: AccessRule) -> Mapping[str, str]:
    """Return everything that a sentence takes from an event."""
    return {"event": "$.detail.eventName", "region": "$.detail.awsRegion", **rule.paths}


def forwards(env: Environment) -> bool:
    """Whether the events of IAM come from another Region than the operations Region."""
    return bool(access_rules(env)) and iam_events_region(env.partition, env.region) != env.region


def _rules(env: Environment) -> Iterator[tuple[str, AccessRule]]:
    tenants_roles = env.role_arn(env.account, f"bedrock-{env.name}-")
    is_tenant_role = [{"prefix": tenants_roles}]
    refused = [{"prefix": "AccessDenied"}, {"suffix": "UnauthorizedOperation"}]
    stranger, name = _stranger(env), guard_name(env)

    def change(source: Any, names: list[Any] | None = None, **detail: Any) -> dict[str, Any]:  # noqa: ANN401
        named = {} if names is None else {"eventName": names}
        sources = source if isinstance(source, list) else [source]
        return {"errorCode": [_ABSENT], "eventSource": sources, **named, **detail}

    assumed = change(
        "sts.amazonaws.com",
        [{"prefix": "AssumeRole"}],
        requestParameters={"roleArn": [_named(tenants_roles)]},
        userIdentity={"accountId": _other_accounts(env)},
    )
    subject = {
        "account": f"{_USER_IDENTITY}.accountId",
        "service": f"{_USER_IDENTITY}.invokedBy",
        "subject": "$.detail.requestParameters.roleArn",
    }
    yield "assumed-roles", AccessRule(assumed, subject, read_only=True)
    versions = ["CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion"]
    denials = change(
        "iam.amazonaws.com",
        [*versions, "SetDefaultPolicyVersion"],
        requestParameters={
            "policyArn": [{"equals-ignore-case": arn} for arn in sorted(denial_arns(env).values())]
        },
        userIdentity=stranger,
    )
    subject = {"subject": "$.detail.requestParameters.policyArn"}
    yield "denials", AccessRule(denials, {**_CALLER, **subject})
    guardrails = [
        {"wildcard": f"{verb}*Guardrail*"} for verb in ("Create", "Delete", "Put", "Update")
    ]
    yield "guardrails", AccessRule(change("bedrock.amazonaws.com", guardrails), _CALLER)
    logging = [f"{verb}ModelInvocationLoggingConfiguration" for verb in ("Delete", "Put")]
    yield "invocation-logging", AccessRule(change("bedrock.amazonaws.com", logging), _CALLER)
    tags = change(
        "bedrock.amazonaws.com",
        ["TagResource", "UntagResource"],
        requestParameters={
            "resourceARN": [
                {"prefix": regional_arn(env, "bedrock", "application-inference-profile/")}
            ]
        },
        userIdentity=_stranger(env, env.role_arn(env.account, "bedrock-*_guard")),
    )
    subject = {"subject": "$.detail.requestParameters.resourceARN"}
    yield "profiles", AccessRule(tags, {**_CALLER, **subject})
    projects = [f"{verb}Project" for verb in ("Archive", "Create", "Update")]
    enrollments = {"prefix": "PutTrustedAccessProgram"}
    of_bedrock = {"prefix": "bedrock"}
    yield "projects", AccessRule(change(of_bedrock, [*projects, enrollments]), _CALLER)
    attempt = {
        "errorCode": refused,
        "errorMessage": [{"wildcard": f"*:role/bedrock-{env.name}-*"}],
        "eventName": ["AssumeRole"],
        "eventSource": ["sts.amazonaws.com"],
    }
    yield "refused-assume-role", AccessRule(attempt, _CALLER, read_only=True)
    by_the_guard = {"anything-but": {"wildcard": "*explicit deny in an identity-based policy*"}}
    others = {"anything-but": ["bedrock.amazonaws.com", "ssm.amazonaws.com"]}
    calls = {
        "$or": [{"errorMessage": [_ABSENT, by_the_guard]}, {"eventSource": [others]}],
        "errorCode": refused,
        "eventName": [{"anything-but": ["DecodeAuthorizationMessage"]}],
        "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": is_tenant_role}}},
    }
    subject = {"error": "$.detail.errorCode", "service": "$.detail.eventSource", "subject": _ISSUER}
    yield "refused-calls", AccessRule(calls, subject, read_only=True)
    retention = [{"wildcard": f"{verb}*DataRetention*"} for verb in ("Delete", "Put")]
    yield "retention", AccessRule(change(of_bedrock, retention), _CALLER)
    verbs = ("Attach", "Create", "Delete", "Detach", "Put", "Tag", "Untag", "Update")
    roles = change(
        "iam.amazonaws.com",
        [{"prefix": verb} for verb in verbs],
        requestParameters={"roleName": [_named(f"bedrock-{env.name}-"), _named(name)]},
        userIdentity=stranger,
    )
    subject = {"subject": "$.detail.requestParameters.roleName"}
    yield "roles", AccessRule(roles, {**_CALLER, **subject})
    topic = regional_arn(env, "sns", name)
    parameters = {
        "name": [{"prefix": name}],
        "resourceArn": [topic],
        "rule": [{"prefix": name}],
        "subscriptionArn": [{"prefix": f"{topic}:"}],
        "topicArn": [topic],
    }
    rules = change(
        ["events.amazonaws.com", "sns.amazonaws.com"],
        **{"$or": [{"requestParameters": {key: texts}} for key, texts in parameters.items()]},
        userIdentity=stranger,
    )
    yield "rules", AccessRule(rules, _CALLER)
    trails = ["DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"]
    yield "trails", AccessRule(change("cloudtrail.amazonaws.com", trails), _CALLER)


def _named(beginning: str) -> dict[str, Any]:
    """Return how a name begins that a caller wrote; IAM does not distinguish names by case."""
    return {"prefix": {"equals-ignore-case": beginning}}


def _stranger(env: Environment, *guards: str) -> Mapping[str, Any]:
    """Return what the identity of a caller is that is no deployer and not the guard, or one of other ``guards``."""
    own = [env.role_arn(env.account, guard_name(env, GUARD))]
    if has_lease(env):
        own.append(env.role_arn(env.account, guard_name(env, LEASE)))
    deployers = sorted(env.deployment_principals)
    roles = [*own, *(arn for arn in deployers if ":role/" in arn)]
    users = [arn for arn in deployers if ":role/" not in arn]
    known = {"wildcard": [*guards, *roles]} if guards else roles
    user = {"arn": [_ABSENT, {"anything-but": users}]} if users else {}
    return {
        "sessionContext": {"sessionIssuer": {"arn": [_ABSENT, {"anything-but": known}]}},
        **user,
    }


def _other_accounts(env: Environment) -> list[Any]:
    accounts = {account for stanza in env.tenants.values() for account in stanza["accounts"]}
    if 0 < len(accounts) <= ACCOUNTS_OF_A_PATTERN:
        return [_ABSENT, {"anything-but": sorted(accounts)}]
    return [_ABSENT, env.account]
