"""What AWS's pages say of a policy, as requests that it allows and others that it does not.

The pages are below https://docs.aws.amazon.com/. Whoever decides about policies is held to all of it:
the local AWS's evaluator, and the encoding that tools/isolation proves with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.iam.evaluator import Request, Requester
from tools.iam.policy import Kind

GUIDE = "IAM/latest/UserGuide/"
ROLE = "arn:aws:iam::222222222222:role/app"
APP = Requester("222222222222", "arn:aws:sts::222222222222:assumed-role/app/s", ROLE)
OTHER = Requester(
    "222222222222",
    "arn:aws:sts::222222222222:assumed-role/other/s",
    "arn:aws:iam::222222222222:role/other",
)
STRANGER = Requester(
    "999999999999",
    "arn:aws:sts::999999999999:assumed-role/app/s",
    "arn:aws:iam::999999999999:role/app",
)
LOGS = Requester(service="logs.eu-central-1.amazonaws.com")


@dataclass(frozen=True)
class Documented:
    """One rule of one page; ``statements`` are Allow statements for every resource unless they say more."""

    page: str
    rule: str
    kind: Kind
    statements: tuple[dict[str, Any], ...]
    allowed: tuple[Request, ...]
    refused: tuple[Request, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The whole policy."""
        filled = []
        for statement in self.statements:
            whole = {"Effect": "Allow", **statement}
            if self.kind is not Kind.TRUST and "NotResource" not in whole:
                whole.setdefault("Resource", "*")
            filled.append(whole)
        return {"Version": "2012-10-17", "Statement": filled}


def asked(
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::bucket/key",
    by: Requester = APP,
    **context: str | tuple[str, ...],
) -> Request:
    """A request; in the names of condition keys ``__`` stands for ``:`` and ``_of_`` for ``/``."""
    keys = {name.replace("__", ":").replace("_of_", "/"): v for name, v in context.items()}
    if by.service is None:
        keys |= {"aws:PrincipalArn": by.policy_arn, "aws:PrincipalAccount": by.account}
    return Request(action, resource, keys, by)


def when(action: str = "s3:GetObject", **condition: dict[str, Any]) -> dict[str, Any]:
    """A statement with a condition; in the operators' names ``__`` stands for ``:``."""
    tests = {name.replace("__", ":"): test for name, test in condition.items()}
    return {"Action": action, "Condition": tests}


GROUP = "arn:aws:logs:eu-central-1:222222222222:log-group:a"
PROFILE = "arn:aws:bedrock:us-east-1:111111111111:inference-profile/global.m"
TAGS = {"aws:TagKeys": ["cost", "team"]}
EVERY = (
    Documented(
        f"{GUIDE}reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html",
        "an explicit deny overrides any allow, and nothing said is an implicit deny",
        Kind.IDENTITY,
        (
            {"Action": "s3:*"},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::secret/*"},
        ),
        (asked(),),
        (asked(resource="arn:aws:s3:::secret/key"), asked("ec2:RunInstances")),
    ),
    Documented(
        f"{GUIDE}reference_policies_condition-logic-multiple-context-keys-or-values.html",
        "several operators and several keys are joined by AND, the values of one key by OR",
        Kind.IDENTITY,
        (
            when(
                StringEquals={"aws:PrincipalTag/team": ["red", "blue"], "aws:RequestedRegion": "a"},
                ArnLike={"aws:PrincipalArn": "arn:aws:iam::222222222222:role/*"},
            ),
        ),
        tuple(
            asked(aws__PrincipalTag_of_team=t, aws__RequestedRegion="a") for t in ("red", "blue")
        ),
        (
            asked(aws__PrincipalTag_of_team="green", aws__RequestedRegion="a"),
            asked(aws__PrincipalTag_of_team="red", aws__RequestedRegion="b"),
            asked(aws__PrincipalTag_of_team="red"),
            asked(aws__PrincipalTag_of_team="red", aws__RequestedRegion="a", by=STRANGER),
        ),
    ),
    Documented(
        f"{GUIDE}reference_policies_condition-logic-multiple-context-keys-or-values.html",
        "the values of a negated operator are joined by NOR",
        Kind.IDENTITY,
        (when(StringNotEquals={"aws:PrincipalTag/team": ["red", "blue"]}),),
        (asked(aws__PrincipalTag_of_team="green"), asked()),
        tuple(asked(aws__PrincipalTag_of_team=team) for team in ("red", "blue")),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_condition_operators.html#Conditions_IfExists",
        "IfExists passes over a key that is not there, and asks of one that is",
        Kind.IDENTITY,
        (when(StringLikeIfExists={"aws:RequestedRegion": ["eu-*", "us-east-?"]}),),
        (*(asked(aws__RequestedRegion=r) for r in ("eu-west-1", "us-east-1")), asked()),
        tuple(asked(aws__RequestedRegion=r) for r in ("us-west-1", "us-east-10")),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_condition_operators.html#Conditions_Null",
        "Null true asks that the key be absent, false that it be present",
        Kind.IDENTITY,
        (when(Null={"aws:SourceVpce": "true", "aws:RequestedRegion": "false"}),),
        (asked(aws__RequestedRegion="x", aws__SourceIp="203.0.113.7"),),
        (
            asked(aws__SourceIp="203.0.113.7"),
            asked(aws__RequestedRegion="x", aws__SourceVpce="vpce-1"),
        ),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_condition_operators.html#Conditions_IPAddress",
        "an address is in one of the networks, of either version",
        Kind.IDENTITY,
        (when(IpAddress={"aws:SourceIp": ["203.0.113.0/24", "2001:DB8:1234:5678::/64"]}),),
        tuple(asked(aws__SourceIp=ip) for ip in ("203.0.113.255", "2001:db8:1234:5678::9")),
        (
            *(asked(aws__SourceIp=ip) for ip in ("203.0.114.0", "2001:db8:1234:5679::")),
            asked(aws__SourceVpce="vpce-1"),
        ),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_condition_operators.html#Conditions_Boolean",
        "Bool compares a truth; a key that is not there is neither",
        Kind.IDENTITY,
        (when(Bool={"aws:SecureTransport": "true"}),),
        (asked(aws__SecureTransport="true"),),
        (asked(aws__SecureTransport="false"), asked()),
    ),
    Documented(
        f"{GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html",
        "ForAllValues holds when each value of the request is listed, and when there is none",
        Kind.IDENTITY,
        (when(ForAllValues__StringEquals=TAGS),),
        (asked(aws__TagKeys=("team",)), asked(aws__TagKeys=("cost", "team")), asked()),
        (asked(aws__TagKeys=("team", "other")),),
    ),
    Documented(
        f"{GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html",
        "ForAnyValue holds when one value of the request is listed, and not when there is none",
        Kind.IDENTITY,
        (when(ForAnyValue__StringEquals=TAGS),),
        (asked(aws__TagKeys=("team", "other")),),
        (asked(aws__TagKeys=("other",)), asked()),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_notaction.html",
        "NotAction is everything but its list, in every service",
        Kind.IDENTITY,
        ({"NotAction": ["iam:*", "s3:Delete*"]},),
        (asked(), asked("ec2:RunInstances")),
        (asked("iam:CreateUser"), asked("s3:DeleteBucket")),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_notresource.html",
        "NotResource is every resource but its list",
        Kind.IDENTITY,
        ({"Action": "s3:*", "NotResource": "arn:aws:s3:::hr/*"},),
        (asked(),),
        (asked(resource="arn:aws:s3:::hr/payroll"),),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_resource.html",
        "a wildcard stays within its part of the ARN, but at the part's end it may go beyond the colon",
        Kind.IDENTITY,
        (
            {"Action": "*", "Resource": "arn:aws:logs:*:222222222222:log-group:app-?"},
            {"Action": "*", "Resource": "arn:aws:sns:eu*"},
        ),
        (
            asked(resource="arn:aws:logs:eu-west-1:222222222222:log-group:app-1"),
            asked(resource="arn:aws:sns:eu-west-1:222222222222:topic"),
        ),
        (
            asked(resource="arn:aws:logs:eu-west-1:222222222222:log-group:app-10"),
            asked(resource="arn:aws:logs:eu-west-1:333333333333:log-group:app-1"),
            asked(resource="arn:aws:sns:us-east-1:222222222222:topic"),
        ),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_principal.html",
        "an account as the principal is everyone in it, a role only its own sessions",
        Kind.RESOURCE,
        (
            {"Action": "s3:GetObject", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}},
            {"Action": "s3:GetObject", "Principal": {"AWS": ROLE}},
        ),
        (asked(by=STRANGER), asked(by=APP)),
        (asked(by=OTHER), asked(by=LOGS)),
    ),
    Documented(
        f"{GUIDE}reference_policies_elements_notprincipal.html",
        "a Deny with NotPrincipal spares a role only when its account and session are named too",
        Kind.RESOURCE,
        (
            {"Action": "s3:*", "Principal": "*"},
            {
                "Effect": "Deny",
                "Action": "s3:*",
                "NotPrincipal": {"AWS": [ROLE, APP.arn, "arn:aws:iam::222222222222:root"]},
            },
        ),
        (asked(by=APP),),
        (asked(by=OTHER), asked(by=STRANGER)),
    ),
    Documented(
        f"{GUIDE}id_roles_common-scenarios_third-party.html",
        "a confused deputy has no right ExternalId, or none",
        Kind.TRUST,
        (
            {
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": "999999999999"},
                "Condition": {"StringEquals": {"sts:ExternalId": "12345"}},
            },
        ),
        (asked("sts:AssumeRole", by=STRANGER, sts__ExternalId="12345"),),
        (
            asked("sts:AssumeRole", by=STRANGER, sts__ExternalId="54321"),
            asked("sts:AssumeRole", by=STRANGER),
            asked("sts:AssumeRole", by=APP, sts__ExternalId="12345"),
            asked("sts:TagSession", by=STRANGER, sts__ExternalId="12345"),
        ),
    ),
    Documented(
        "AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
        "a key's policy lets the logs service in for one log group's encryption context",
        Kind.RESOURCE,
        (
            {
                "Action": ["kms:Encrypt*", "kms:Decrypt*"],
                "Principal": {"Service": "logs.eu-central-1.amazonaws.com"},
                "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": GROUP}},
            },
        ),
        tuple(
            Request(
                action,
                "*",
                {"kms:EncryptionContext:aws:logs:arn": GROUP},
                LOGS,
            )
            for action in ("kms:Encrypt", "kms:Decrypt")
        ),
        (
            asked("kms:Decrypt", by=LOGS),
            Request(
                "kms:Decrypt",
                "*",
                {"kms:EncryptionContext:aws:logs:arn": GROUP + "b"},
                LOGS,
            ),
        ),
    ),
    Documented(
        "bedrock/latest/userguide/global-cross-region-inference.html",
        "a model behind a global profile, in no Region in particular",
        Kind.IDENTITY,
        (
            {
                "Action": "bedrock:InvokeModel",
                "Resource": "arn:aws:bedrock:::foundation-model/m",
                "Condition": {
                    "StringEquals": {
                        "aws:RequestedRegion": "unspecified",
                        "bedrock:InferenceProfileArn": PROFILE,
                    }
                },
            },
        ),
        (
            asked(
                "bedrock:InvokeModel",
                "arn:aws:bedrock:::foundation-model/m",
                aws__RequestedRegion="unspecified",
                bedrock__InferenceProfileArn=PROFILE,
            ),
        ),
        (
            asked(
                "bedrock:InvokeModel",
                "arn:aws:bedrock:::foundation-model/m",
                aws__RequestedRegion="unspecified",
            ),
            asked(
                "bedrock:InvokeModel",
                "arn:aws:bedrock:us-east-1::foundation-model/m",
                aws__RequestedRegion="us-east-1",
                bedrock__InferenceProfileArn=PROFILE,
            ),
        ),
    ),
)
