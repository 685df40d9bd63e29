"""CloudTrail's events in the shape that AWS documents, with a canary wherever a caller chooses the text.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

from typing import Any

OPERATIONS, ACME, STRANGER = "111111111111", "222222222222", "999999999999"
CANARY = "canary-8c1f"
TENANT = f"arn:aws:iam::{OPERATIONS}:role/bedrock-prod-acme"
GUARD = f"arn:aws:iam::{OPERATIONS}:role/bedrock-prod_guard"
DEPLOYER_ROLE = f"arn:aws:iam::{OPERATIONS}:role/ci/deployment"
DEPLOYER_USER = f"arn:aws:iam::{OPERATIONS}:user/deployer"
DENIAL = f"arn:aws:iam::{OPERATIONS}:policy/bedrock-prod-quota-reached"
TOPIC = f"arn:aws:sns:eu-central-1:{OPERATIONS}:bedrock-prod_guard"
NO_POLICY = "because no identity-based policy allows the action"
SUBSCRIPTION = f"{TOPIC}:6f3c2a8e"
BY_A_DENY = f"with an explicit deny in an identity-based policy: {DENIAL}"

Event = dict[str, Any]


def session(role: str) -> Event:
    """The identity of a role's session, whose name its caller chose."""
    name = role.rpartition("/")[2]
    issuer = {
        "type": "Role",
        "principalId": "AROA1",
        "arn": role,
        "accountId": OPERATIONS,
        "userName": name,
    }
    return {
        "type": "AssumedRole",
        "principalId": f"AROA1:{CANARY}",
        "arn": f"arn:aws:sts::{OPERATIONS}:assumed-role/{name}/{CANARY}",
        "accountId": OPERATIONS,
        "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {"sessionIssuer": issuer, "sourceIdentity": CANARY},
    }


def user(arn: str = f"arn:aws:iam::{OPERATIONS}:user/alice") -> Event:
    """The identity of an IAM user."""
    return {
        "type": "IAMUser",
        "principalId": "AIDA1",
        "arn": arn,
        "accountId": OPERATIONS,
        "userName": arn.rpartition("/")[2],
    }


ROOT = {"type": "Root", "arn": f"arn:aws:iam::{OPERATIONS}:root", "accountId": OPERATIONS}
FEDERATED = {"type": "WebIdentityUser", "principalId": CANARY, "userName": CANARY}
SERVICE = {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}


def account(number: str) -> Event:
    """What the role's account sees of a caller in another account."""
    return {"type": "AWSAccount", "principalId": f"AROA2:{CANARY}", "accountId": number}


def event(
    service: str,
    name: str,
    who: Event,
    *,
    read_only: bool = False,
    **more: Any,  # noqa: ANN401 - any JSON value
) -> Event:
    """One call as EventBridge has it; ``more`` replaces what CloudTrail says of it."""
    return {
        "version": "0",
        "id": "1",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": OPERATIONS,
        "time": "2026-11-02T10:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "eventType": "AwsApiCall",
            "awsRegion": "eu-central-1",
            "managementEvent": True,
            "readOnly": read_only,
            "recipientAccountId": OPERATIONS,
            "requestParameters": None,
            "responseElements": None,
            "userAgent": CANARY,
            "userIdentity": who,
            **more,
        },
    }


def iam(name: str, who: Event, role: str = "bedrock-prod-acme", **more: Any) -> Event:  # noqa: ANN401
    """A change of a role."""
    parameters = {"roleName": role, "policyName": CANARY, "policyDocument": CANARY}
    return event("iam", name, who, requestParameters=parameters, **more)


def refused(service: str, name: str, who: Event, reason: str, code: str = "AccessDenied") -> Event:
    """A call that AWS refused."""
    message = (
        f"User: {who.get('arn')} is not authorized to perform: {service}:{name} {reason} {CANARY}"
    )
    return event(service, name, who, read_only=True, errorCode=code, errorMessage=message)


def assumed(who: Event, role: str = TENANT, name: str = "AssumeRole") -> Event:
    """AssumeRole of a role that succeeded."""
    parameters = {"roleArn": role, "roleSessionName": CANARY, "externalId": CANARY}
    return event("sts", name, who, read_only=True, requestParameters=parameters)


ADMIN = session(f"arn:aws:iam::{OPERATIONS}:role/admin")
DEPLOYER = session(DEPLOYER_ROLE)
_NEUTRAL: Event = {"requestParameters": {"name": CANARY, "guardrailIdentifier": CANARY}}
_RULE: Event = {"requestParameters": {"name": "bedrock-prod_guard-roles", "description": CANARY}}
_TARGETS: Event = {"requestParameters": {"rule": "bedrock-prod_guard-roles", "ids": [CANARY]}}
_TOPIC: Event = {"requestParameters": {"topicArn": TOPIC, "endpoint": CANARY}}
PROFILE = f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:application-inference-profile/a1b2c3d4e5f6"
_TAGS: Event = {
    "requestParameters": {"resourceARN": PROFILE, "tags": [{"key": "tenant", "value": CANARY}]}
}
_SUBSCRIPTION: Event = {
    "requestParameters": {"subscriptionArn": SUBSCRIPTION, "attributeValue": CANARY}
}
_TOPIC_DATA: Event = {"requestParameters": {"resourceArn": TOPIC, "dataProtectionPolicy": CANARY}}
_DENIAL: Event = {"requestParameters": {"policyArn": DENIAL, "policyDocument": CANARY}}
# "Names are not distinguished by case", and an event has a name as the caller wrote it:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_DENIAL_IN_CAPITALS: Event = {
    "requestParameters": {"policyArn": DENIAL.replace("quota-reached", "QUOTA-REACHED")}
}

# Rule => events that it tells, each with a part of the sentence.
TOLD: dict[str, list[tuple[Event, str]]] = {
    "assumed-roles": [
        (assumed(account(STRANGER)), f"{TENANT} was assumed by {STRANGER}, which"),
        (assumed(ADMIN), f"{TENANT} was assumed by {OPERATIONS}, which"),
        (assumed(FEDERATED, name="AssumeRoleWithWebIdentity"), f"{TENANT} was assumed by , which"),
        (assumed(ADMIN, TENANT.replace("prod-a", "PROD-A")), f"assumed by {OPERATIONS}, which"),
        (assumed(SERVICE), f"{TENANT} was assumed by lambda.amazonaws.com, which"),
    ],
    "denials": [
        (event("iam", "CreatePolicyVersion", ADMIN, **_DENIAL), f"changed {DENIAL}"),
        (event("iam", "DeletePolicy", user(), **_DENIAL), "was IAMUser alice."),
        (event("iam", "DeletePolicy", ADMIN, **_DENIAL_IN_CAPITALS), "QUOTA-REACHED"),
        (event("iam", "SetDefaultPolicyVersion", session(GUARD + "x"), **_DENIAL), "_guardx."),
    ],
    "guardrails": [
        (event("bedrock", "UpdateGuardrail", ADMIN, **_NEUTRAL), "UpdateGuardrail changed the gu"),
        (event("bedrock", "DeleteGuardrail", DEPLOYER, **_NEUTRAL), "role/ci/deployment."),
        (
            event("bedrock", "PutEnforcedGuardrailConfiguration", user(), **_NEUTRAL),
            "IAMUser alice.",
        ),
    ],
    "invocation-logging": [
        (event("bedrock", "PutModelInvocationLoggingConfiguration", ROOT), "was Root ."),
        (event("bedrock", "DeleteModelInvocationLoggingConfiguration", ADMIN), "role/admin."),
    ],
    "profiles": [
        (event("bedrock", "TagResource", ADMIN, **_TAGS), f"TagResource changed tags of {PROFILE}"),
        (event("bedrock", "UntagResource", user(), **_TAGS), "The caller was IAMUser alice, which"),
        (event("bedrock", "TagResource", session(TENANT), **_TAGS), f"AssumedRole {TENANT}, which"),
    ],
    "projects": [
        (event("bedrock", "CreateProject", ADMIN, **_NEUTRAL), "CreateProject changed"),
        (event("bedrock-mantle", "UpdateProject", ADMIN, **_NEUTRAL), "UpdateProject changed"),
        (event("bedrock", "PutTrustedAccessProgramAccountEnrollment", ADMIN), "enrollment"),
    ],
    "refused-assume-role": [
        (refused("sts", "AssumeRole", ADMIN, f"on resource: {TENANT}"), "role/admin, in the op"),
    ],
    "refused-calls": [
        (
            refused("bedrock", "Converse", session(TENANT), NO_POLICY),
            f"{TENANT} was refused Converse of bedrock.amazonaws.com (AccessDenied).",
        ),
        (
            refused("ec2", "RunInstances", session(TENANT), "", "Client.UnauthorizedOperation"),
            "RunInstances of ec2.amazonaws.com (Client.UnauthorizedOperation).",
        ),
        (refused("s3", "ListBuckets", session(TENANT), NO_POLICY), "ListBuckets of s3.am"),
        (refused("s3", "ListBuckets", session(TENANT), BY_A_DENY), "ListBuckets of s3.am"),
    ],
    "retention": [
        (event("bedrock", "PutAccountDataRetention", ADMIN), "PutAccountDataRetention changed"),
        (event("bedrock", "DeleteAccountDataRetentionStorage", ADMIN), "for how long Bedrock"),
    ],
    "roles": [
        (iam("UpdateAssumeRolePolicy", ADMIN), "UpdateAssumeRolePolicy changed the role bedrock-p"),
        (iam("PutRolePolicy", user()), "The caller was IAMUser alice, which"),
        (iam("AttachRolePolicy", ROOT, "bedrock-prod_guard"), "role bedrock-prod_guard."),
        (iam("PutRolePolicy", ADMIN, "Bedrock-Prod-Acme"), "changed the role Bedrock-Prod-Acme."),
        (iam("CreateRole", session(TENANT), "bedrock-prod-evil"), f"was AssumedRole {TENANT}, "),
    ],
    "rules": [
        (event("events", "DisableRule", ADMIN, **_RULE), "DisableRule changed the rules"),
        (event("events", "RemoveTargets", user(), **_TARGETS), "IAMUser alice, which is"),
        (event("sns", "Subscribe", ADMIN, **_TOPIC), "Subscribe changed the rules or the topic"),
        (event("sns", "Unsubscribe", ADMIN, **_SUBSCRIPTION), "Unsubscribe changed the rules or"),
        (event("sns", "SetSubscriptionAttributes", user(), **_SUBSCRIPTION), "IAMUser alice, wh"),
        (event("sns", "PutDataProtectionPolicy", ADMIN, **_TOPIC_DATA), "PutDataProtectionPolicy"),
    ],
    "trails": [
        (event("cloudtrail", "StopLogging", ADMIN, **_NEUTRAL), "StopLogging changed or stopped"),
        (event("cloudtrail", "PutEventSelectors", DEPLOYER, **_NEUTRAL), "PutEventSelectors ch"),
    ],
}

# What is nobody's concern, beside the events above.
NOT_TOLD: dict[str, Event] = {
    "an execution role's AssumeRole": assumed(account(ACME)),
    "AssumeRole of another role": assumed(account(STRANGER), f"arn:aws:iam::{OPERATIONS}:role/x"),
    "AssumeRole in another environment": assumed(ADMIN, TENANT.replace("-prod-", "-prod2-")),
    "the deployer's change of a trust": iam("UpdateAssumeRolePolicy", DEPLOYER),
    "a deploying user's change of a trust": iam("UpdateAssumeRolePolicy", user(DEPLOYER_USER)),
    "the guard's attachment of a denial": iam("AttachRolePolicy", session(GUARD)),
    "the end of a lease": iam("AttachRolePolicy", session(f"{GUARD}-lease")),
    "a change of another role": iam("UpdateAssumeRolePolicy", ADMIN, "admin"),
    "a change in another environment": iam("UpdateAssumeRolePolicy", ADMIN, "bedrock-prod2-acme"),
    "a change that failed": iam("UpdateAssumeRolePolicy", ADMIN, errorCode="AccessDenied"),
    "a look at a role": iam("GetRole", ADMIN),
    "the deployer's new version of a denial": event(
        "iam", "CreatePolicyVersion", DEPLOYER, **_DENIAL
    ),
    "a throttled call": refused("bedrock", "Converse", session(TENANT), "", "ThrottlingException"),
    "a call that the guard's denial refuses": refused(
        "bedrock", "Converse", session(TENANT), BY_A_DENY
    ),
    "a suspended tenant's look at its use": refused(
        "ssm", "GetParameter", session(TENANT), BY_A_DENY
    ),
    "the package's question whether the tenant is suspended": refused(
        "sts", "DecodeAuthorizationMessage", session(TENANT), NO_POLICY
    ),
    "a call that succeeds": event("bedrock", "Converse", session(TENANT), read_only=True),
    "a refused call of somebody else": refused("bedrock", "Converse", ADMIN, NO_POLICY),
    "a refused AssumeRoleWithWebIdentity, whose user an identity provider names": refused(
        "sts", "AssumeRoleWithWebIdentity", FEDERATED, f"on resource: {TENANT}"
    ),
    "a refused AssumeRole of another role": refused("sts", "AssumeRole", ADMIN, "role/admin"),
    "a look at the retention": event("bedrock", "GetAccountDataRetention", ADMIN, read_only=True),
    "a look at a guardrail": event("bedrock", "GetGuardrail", ADMIN, read_only=True),
    "the deployer's change of a rule": event("events", "PutRule", DEPLOYER, **_RULE),
    "a subscription of another topic that ends": event(
        "sns", "Unsubscribe", ADMIN, requestParameters={"subscriptionArn": f"{TOPIC}2:6f3c2a8e"}
    ),
    "the deployer's change of a subscription": event(
        "sns", "Unsubscribe", DEPLOYER, **_SUBSCRIPTION
    ),
    "a change of another rule": event("events", "PutRule", ADMIN, **_NEUTRAL),
    "the guard's mark of a profile": event("bedrock", "TagResource", session(GUARD), **_TAGS),
    "a mark by the guard of another environment": event(
        "bedrock", "UntagResource", session(GUARD.replace("prod", "prod2")), **_TAGS
    ),
    "the deployer's tags of a profile": event("bedrock", "TagResource", DEPLOYER, **_TAGS),
    "a deploying user's tags of a profile": event(
        "bedrock", "TagResource", user(DEPLOYER_USER), **_TAGS
    ),
    "tags of a guardrail": event(
        "bedrock",
        "TagResource",
        ADMIN,
        requestParameters={"resourceARN": f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:guardrail/x"},
    ),
    "a trail that starts": event("cloudtrail", "StartLogging", ADMIN, **_NEUTRAL),
    "an event of another account": {**iam("PutRolePolicy", ADMIN), "account": STRANGER},
    "an event that somebody puts on the bus": {**iam("PutRolePolicy", ADMIN), "source": "custom"},
}
