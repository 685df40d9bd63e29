"""CloudTrail's events of calls, those that failed too.

The event history keeps those of AssumeRole and of models. EventBridge gets those of all management events that a
trail logs.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.model_ids import resolve
from tools.localaws.cloudtrail.trails import is_logged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tools.localaws.call import Call, Caller, ServiceError
    from tools.localaws.context import LocalAwsContext

ASSUME_ROLE = "AssumeRole"
# The calls of bedrock-runtime that CloudTrail logs as management events, under the event source of Bedrock:
# https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html
MODEL_CALLS = frozenset(
    {"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"}
)
SOURCES = {
    **{("bedrock-runtime", name): "bedrock.amazonaws.com" for name in MODEL_CALLS},
    ("sts", ASSUME_ROLE): "sts.amazonaws.com",
}
# Where botocore's name of a service is not the beginning of its event source.
_SERVICES = {"bedrock-runtime": "bedrock", "cloudwatch": "monitoring"}
# Data events, which a trail does not log unless it is told to, and which are not looked up either:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
_DATA_EVENTS = {
    ("bedrock-runtime", "ApplyGuardrail"),
    ("events", "PutEvents"),
    ("lambda", "Invoke"),
    ("logs", "PutLogEvents"),
    ("sns", "Publish"),
}
_READING = ("Describe", "Get", "Head", "List", "Lookup", "Simulate")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
_IAM_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_REQUEST_PARAMETERS = {
    "DurationSeconds": "durationSeconds",
    "ExternalId": "externalId",
    "RoleArn": "roleArn",
    "RoleSessionName": "roleSessionName",
    "SourceIdentity": "sourceIdentity",
    "modelId": "modelId",
}


@dataclass(frozen=True)
class ManagementEvent:
    """One event of one account's history; ``content`` is what CloudTrail's record holds of it."""

    account: str
    region: str
    time: datetime
    name: str
    source: str
    content: Mapping[str, Any]
    user_name: str | None
    resources: tuple[tuple[str, str], ...] = ()  # type and name
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class EventRecorder:
    """Keeps the events of calls; each of an inference profile is served by the next of its Regions."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._calls: Counter[str] = Counter()  # of each inference profile

    def record(self, call: Call, error: ServiceError | None = None) -> None:
        """Keep the events of a call that ended, if the history or EventBridge has them."""
        is_kept = (call.service, call.operation) in SOURCES
        if not is_kept and (_is_data_event(call) or not _is_logged(call, call.account)):
            return
        events = list(self._events(call, error))
        if is_kept:
            self._context.management_events.extend(events)
        self._context.trail_events.extend(
            event for event in events if _is_logged(call, event.account)
        )

    def _events(self, call: Call, error: ServiceError | None) -> Iterator[ManagementEvent]:
        """Yield one event for the caller's account and, of a role of another account, one for the role's.

        "For cross-account role assumption requests, CloudTrail does not log denied AWS STS requests in the target
        account's CloudTrail": https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
        """
        content = self._content(call, error)
        role = str(call.parameters.get("RoleArn") or "")
        resources = (("AWS::IAM::Role", role),) if role and error is None else ()
        owner = role.split(":")[4] if resources else call.account
        shared = {"sharedEventID": str(uuid.uuid4())} if owner != call.account else {}
        yield self._event(call, call.account, {**content, **shared}, resources)
        if shared:
            # The role's account sees the number of the caller's account and the caller's id, and no ARN.
            identity = {
                "type": "AWSAccount",
                "principalId": call.caller.user_id,
                "accountId": call.account,
            }
            yield self._event(
                call, owner, {**content, **shared, "userIdentity": identity}, resources
            )

    def _event(
        self,
        call: Call,
        account: str,
        content: Mapping[str, Any],
        resources: tuple[tuple[str, str], ...],
    ) -> ManagementEvent:
        caller, is_own = call.caller, account == call.account
        return ManagementEvent(
            account=account,
            region=_region(call),
            time=self._context.clock.now(),
            name=call.operation,
            source=content["eventSource"],
            content={**content, "recipientAccountId": account},
            user_name=(caller.principal.session or caller.principal.name) if is_own else None,
            resources=resources,
        )

    def _content(self, call: Call, error: ServiceError | None) -> dict[str, Any]:
        is_denied = error is not None and error.code.startswith("AccessDenied")
        content: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": _identity(call.caller),
            "eventTime": f"{self._context.clock.now():%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": f"{_SERVICES.get(call.service, call.service)}.amazonaws.com",
            "eventName": call.operation,
            "awsRegion": _region(call),
            "sourceIPAddress": call.source_ip,
            # A denied AssumeRole has its role in the message only.
            "requestParameters": None
            if is_denied and call.operation not in MODEL_CALLS
            else _request_parameters(call),
            "responseElements": None,
            "readOnly": _is_read_only(call),
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "eventCategory": "Management",
        }
        if error is not None:
            # CloudTrail has the code of IAM's denials without "Exception", for every service.
            content["errorCode"] = "AccessDenied" if is_denied else error.code
            # Only IAM's message is known. AWS says that CloudTrail has no prompt, and no page says what it has of
            # the message of another error.
            if is_denied:
                content["errorMessage"] = error.message
        elif call.operation in MODEL_CALLS and (served := self._served_in(call)) != call.region:
            content["additionalEventData"] = {"inferenceRegion": served}
        return content

    def _served_in(self, call: Call) -> str:
        """Return the Region that serves a call: a profile's Regions in turn.

        CloudTrail names it only if it is another than the one that was called:
        https://aws.amazon.com/blogs/machine-learning/getting-started-with-cross-region-inference-in-amazon-bedrock/
        """
        model_id = str(call.parameters["modelId"])
        reference = resolve(model_id, call, self._context.inference_profiles)
        if reference.profile_arn is None:
            return call.region
        regions = [arn.split(":")[3] for arn in reference.model_arns]
        regions = [call.region, *(region for region in regions if region not in ("", call.region))]
        self._calls[model_id] += 1
        return regions[(self._calls[model_id] - 1) % len(regions)]


def _is_data_event(call: Call) -> bool:
    is_object = call.service == "s3" and bool(call.parameters.get("Key"))
    return is_object or (call.service, call.operation) in _DATA_EVENTS


def _is_read_only(call: Call) -> bool:
    """Whether CloudTrail calls the event read-only, as it does that of AssumeRole and those of models."""
    return (call.service, call.operation) in SOURCES or call.operation.startswith(_READING)


def _is_logged(call: Call, account: str) -> bool:
    """Whether a trail logs the event; the call that stops or deletes a trail is still logged."""
    if call.service == "cloudtrail" and not _is_read_only(call):
        return True
    return is_logged(account, _region(call), read_only=_is_read_only(call))


def _region(call: Call) -> str:
    """Return the Region of the event: of a global service, the one that its endpoint is in."""
    return _IAM_REGIONS.get(call.partition, call.region) if call.service == "iam" else call.region


def _request_parameters(call: Call) -> dict[str, Any]:
    """Return what the event has of the request: of calls of models no content, of others all but bytes."""
    names = (
        _REQUEST_PARAMETERS
        if (call.service, call.operation) in SOURCES
        else {name: f"{name[:1].lower()}{name[1:]}" for name in call.parameters}
    )
    return {
        shown: json.loads(json.dumps(call.parameters[name], default=lambda _: None))
        for name, shown in names.items()
        if call.parameters.get(name)
    }


def _identity(caller: Caller) -> dict[str, Any]:
    """Return CloudTrail's userIdentity of the account's own user or role session.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    principal, session = caller.principal, caller.session
    common = {
        "principalId": caller.user_id,
        "arn": principal.arn,
        "accountId": principal.account,
    }
    if session is None:
        return {"type": "IAMUser", **common, "userName": principal.name}
    issuer = {
        "type": "Role",
        "principalId": session.role_id,
        "arn": principal.policy_arn,
        "accountId": principal.account,
        "userName": principal.name,
    }
    attributes = {
        "creationDate": f"{session.issued:%Y-%m-%dT%H:%M:%SZ}",
        "mfaAuthenticated": "false",
    }
    return {
        "type": "AssumedRole",
        **common,
        "accessKeyId": session.credentials.access_key_id,
        "sessionContext": {"sessionIssuer": issuer, "attributes": attributes},
    }
