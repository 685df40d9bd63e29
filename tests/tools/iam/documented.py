"""Rules from AWS's documentation: a policy, the requests that it allows, and others that it does not allow.

The pages are below https://docs.aws.amazon.com/. The evaluator in tools/iam and
the encoding in tools/isolation are both tested against all of them.
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
class DocumentedRule:
    """One rule of one page; a statement without Effect and Resource is an Allow for all resources."""

    page: str
    rule: str
    kind: Kind
    statements: tuple[dict[str, Any], ...]
    allowed: tuple[Request, ...]
    refused: tuple[Request, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The whole policy."""
        statements = []
        for statement in self.statements:
            whole = {"Effect": "Allow", **statement}
            if self.kind is not Kind.TRUST and "NotResource" not in whole:
                whole.setdefault("Resource", "*")
            statements.append(whole)
        return {"Version": "2012-10-17", "Statement": statements}


def request(
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
DOCUMENTED_RULES = (
    DocumentedRule(
        f"{GUIDE}reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html",
        "an explicit deny overrides any allow, and without any statement there is an implicit deny",
        Kind.IDENTITY,
        (
            {"Action": "s3:*"},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::secret/*"},
        ),
        (request(),),
        (request(resource="arn:aws:s3:::secret/key"), request("ec2:RunInstances")),
    ),
    DocumentedRule(
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
            request(aws__PrincipalTag_of_team=t, aws__RequestedRegion="a") for t in ("red", "blue")
        ),
        (
            request(aws__PrincipalTag_of_team="green", aws__RequestedRegion="a"),
            request(aws__PrincipalTag_of_team="red", aws__RequestedRegion="b"),
            request(aws__PrincipalTag_of_team="red"),
            request(aws__PrincipalTag_of_team="red", aws__RequestedRegion="a", by=STRANGER),
        ),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_condition-logic-multiple-context-keys-or-values.html",
        "the values of a negated operator are joined by NOR",
        Kind.IDENTITY,
        (when(StringNotEquals={"aws:PrincipalTag/team": ["red", "blue"]}),),
        (request(aws__PrincipalTag_of_team="green"), request()),
        tuple(request(aws__PrincipalTag_of_team=team) for team in ("red", "blue")),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_condition_operators.html#Conditions_IfExists",
        "IfExists ignores a missing key and tests a present one",
        Kind.IDENTITY,
        (when(StringLikeIfExists={"aws:RequestedRegion": ["eu-*", "us-east-?"]}),),
        (*(request(aws__RequestedRegion=r) for r in ("eu-west-1", "us-east-1")), request()),
        tuple(request(aws__RequestedRegion=r) for r in ("us-west-1", "us-east-10")),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_condition_operators.html#Conditions_Null",
        "Null true requires that the key is absent, false that it is present",
        Kind.IDENTITY,
        (when(Null={"aws:SourceVpce": "true", "aws:RequestedRegion": "false"}),),
        (request(aws__RequestedRegion="x", aws__SourceIp="203.0.113.7"),),
        (
            request(aws__SourceIp="203.0.113.7"),
            request(aws__RequestedRegion="x", aws__SourceVpce="vpce-1"),
        ),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_condition_operators.html#Conditions_IPAddress",
        "an address is in one of the networks, of either version",
        Kind.IDENTITY,
        (when(IpAddress={"aws:SourceIp": ["203.0.113.0/24", "2001:DB8:1234:5678::/64"]}),),
        tuple(request(aws__SourceIp=ip) for ip in ("203.0.113.255", "2001:db8:1234:5678::9")),
        (
            *(request(aws__SourceIp=ip) for ip in ("203.0.114.0", "2001:db8:1234:5679::")),
            request(aws__SourceVpce="vpce-1"),
        ),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_condition_operators.html#Conditions_Boolean",
        "Bool compares a boolean; a missing key is neither true nor false",
        Kind.IDENTITY,
        (when(Bool={"aws:SecureTransport": "true"}),),
        (request(aws__SecureTransport="true"),),
        (request(aws__SecureTransport="false"), request()),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html",
        "ForAllValues holds when each value of the request is listed, and when there is none",
        Kind.IDENTITY,
        (when(ForAllValues__StringEquals=TAGS),),
        (request(aws__TagKeys=("team",)), request(aws__TagKeys=("cost", "team")), request()),
        (request(aws__TagKeys=("team", "other")),),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html",
        "ForAnyValue holds when one value of the request is listed, and not when there is none",
        Kind.IDENTITY,
        (when(ForAnyValue__StringEquals=TAGS),),
        (request(aws__TagKeys=("team", "other")),),
        (request(aws__TagKeys=("other",)), request()),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_notaction.html",
        "NotAction matches all actions of all services except its list",
        Kind.IDENTITY,
        ({"NotAction": ["iam:*", "s3:Delete*"]},),
        (request(), request("ec2:RunInstances")),
        (request("iam:CreateUser"), request("s3:DeleteBucket")),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_notresource.html",
        "NotResource matches all resources except its list",
        Kind.IDENTITY,
        ({"Action": "s3:*", "NotResource": "arn:aws:s3:::hr/*"},),
        (request(),),
        (request(resource="arn:aws:s3:::hr/payroll"),),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_resource.html",
        "a wildcard matches within its part of the ARN, but at the part's end also across the colon",
        Kind.IDENTITY,
        (
            {"Action": "*", "Resource": "arn:aws:logs:*:222222222222:log-group:app-?"},
            {"Action": "*", "Resource": "arn:aws:sns:eu*"},
        ),
        (
            request(resource="arn:aws:logs:eu-west-1:222222222222:log-group:app-1"),
            request(resource="arn:aws:sns:eu-west-1:222222222222:topic"),
        ),
        (
            request(resource="arn:aws:logs:eu-west-1:222222222222:log-group:app-10"),
            request(resource="arn:aws:logs:eu-west-1:333333333333:log-group:app-1"),
            request(resource="arn:aws:sns:us-east-1:222222222222:topic"),
        ),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_principal.html",
        "an account as the principal matches everyone in it, a role only its sessions",
        Kind.RESOURCE,
        (
            {"Action": "s3:GetObject", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}},
            {"Action": "s3:GetObject", "Principal": {"AWS": ROLE}},
        ),
        (request(by=STRANGER), request(by=APP)),
        (request(by=OTHER), request(by=LOGS)),
    ),
    DocumentedRule(
        f"{GUIDE}reference_policies_elements_notprincipal.html",
        "a Deny with NotPrincipal exempts a role only if its account and session are listed too",
        Kind.RESOURCE,
        (
            {"Action": "s3:*", "Principal": "*"},
            {
                "Effect": "Deny",
                "Action": "s3:*",
                "NotPrincipal": {"AWS": [ROLE, APP.arn, "arn:aws:iam::222222222222:root"]},
            },
        ),
        (request(by=APP),),
        (request(by=OTHER), request(by=STRANGER)),
    ),
    DocumentedRule(
        f"{GUIDE}id_roles_common-scenarios_third-party.html",
        "a confused deputy has a wrong ExternalId or none",
        Kind.TRUST,
        (
            {
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": "999999999999"},
                "Condition": {"StringEquals": {"sts:ExternalId": "12345"}},
            },
        ),
        (request("sts:AssumeRole", by=STRANGER, sts__ExternalId="12345"),),
        (
            request("sts:AssumeRole", by=STRANGER, sts__ExternalId="54321"),
            request("sts:AssumeRole", by=STRANGER),
            request("sts:AssumeRole", by=APP, sts__ExternalId="12345"),
            request("sts:TagSession", by=STRANGER, sts__ExternalId="12345"),
        ),
    ),
    DocumentedRule(
        "AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
        "a key's policy allows the logs service for one log group's encryption context",
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
            request("kms:Decrypt", by=LOGS),
            Request(
                "kms:Decrypt",
                "*",
                {"kms:EncryptionContext:aws:logs:arn": GROUP + "b"},
                LOGS,
            ),
        ),
    ),
    DocumentedRule(
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
            request(
                "bedrock:InvokeModel",
                "arn:aws:bedrock:::foundation-model/m",
                aws__RequestedRegion="unspecified",
                bedrock__InferenceProfileArn=PROFILE,
            ),
        ),
        (
            request(
                "bedrock:InvokeModel",
                "arn:aws:bedrock:::foundation-model/m",
                aws__RequestedRegion="unspecified",
            ),
            request(
                "bedrock:InvokeModel",
                "arn:aws:bedrock:us-east-1::foundation-model/m",
                aws__RequestedRegion="us-east-1",
                bedrock__InferenceProfileArn=PROFILE,
            ),
        ),
    ),
)
