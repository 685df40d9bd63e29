"""Events of the operations account in CloudTrail's event history, without the names of sessions and ExternalIds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from operations_guard.aws_reader import AwsReader

# The event history of a Region has 90 days. LookupEvents has 50 events a page and two pages a second, for each
# account and Region:
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
DAYS = 90
EVENTS = 1_000
ASSUME_ROLE = "AssumeRole"
# The operations that run a model and are management events:
# https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html
MODEL_CALLS = frozenset(
    {"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"}
)
# The attributes by which LookupEvents finds the calls of a role, and those of a session by the session's name, as in
# the example of https://docs.aws.amazon.com/cli/latest/reference/cloudtrail/lookup-events.html
EVENT_NAME, RESOURCE_NAME, USER_NAME = "EventName", "ResourceName", "Username"
# A caller writes the id of a model as it likes, so one that has another form than Bedrock's is not shown:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
_MODEL_ID = re.compile(
    r"(arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d{0,12}:[a-z-]+/)?[a-z0-9]+([.:-][a-z0-9]+){0,15}"
)
_LONGEST_MODEL_ID = 160  # characters
_UNKNOWN = "an id of another form"
_RESOURCE = re.compile(r" on resource: (arn:\S+)")


@dataclass(frozen=True)
class TrailEvent:
    """One event of the operations account, of which only the parts below are shown."""

    time: datetime  # in UTC
    region: str
    content: Mapping[str, Any]

    @property
    def operation(self) -> str:
        """The operation as a policy names it, such as ``sts:AssumeRole``, with Bedrock's name of the call."""
        service = str(self.content.get("eventSource", "")).partition(".")[0]
        return f"{service}:{self.name}"

    @property
    def name(self) -> str:
        """The name of the operation."""
        return str(self.content.get("eventName"))

    @property
    def error_code(self) -> str | None:
        """The code of the error with which the call ended; None if it succeeded."""
        return self.content.get("errorCode")

    @property
    def role(self) -> str | None:
        """The ARN of the role in whose session the call was made; None for another identity."""
        context = self._identity.get("sessionContext") or {}
        return (context.get("sessionIssuer") or {}).get("arn")

    @property
    def requested_role(self) -> str | None:
        """The ARN of the role that AssumeRole asks for; of a denied call only the error message has it."""
        return self._parameters.get("roleArn") or self._refused_resource

    @property
    def model_id(self) -> str | None:
        """The id of a model as the caller wrote it, in the request or else in the error message.

        A text that does not have the form of an id is replaced.
        """
        model = self._parameters.get("modelId") or self._refused_resource
        if model is None:
            return None
        is_id = len(model) <= _LONGEST_MODEL_ID and _MODEL_ID.fullmatch(model)
        return str(model) if is_id else _UNKNOWN

    @property
    def served_in(self) -> str:
        """The Region that ran the model. CloudTrail names it only if it is another than the called one.

        https://aws.amazon.com/blogs/machine-learning/getting-started-with-cross-region-inference-in-amazon-bedrock/
        """
        details = self.content.get("additionalEventData") or {}
        return str(details.get("inferenceRegion") or self.region)

    @property
    def caller_account(self) -> str:
        """The account of the caller; empty for a service of AWS and a user of an identity provider."""
        return str(self._identity.get("accountId") or "")

    @property
    def caller(self) -> str:
        """The role or user of the caller, never the name of its session.

        For a caller in another account, CloudTrail has a unique id and no ARN. For a user of an identity provider, this
        is the provider:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
        """
        identity = self._identity
        if self.role is not None:
            return self.role
        if identity.get("type") in {"SAMLUser", "WebIdentityUser"}:
            return f"{identity['type']} of {identity.get('identityProvider')}"
        if identity.get("type") in {"IAMUser", "Root"}:
            return str(identity.get("arn"))
        unique_id = str(identity.get("principalId") or "").partition(":")[0]
        return str(identity.get("invokedBy") or unique_id or identity.get("type"))

    @property
    def _identity(self) -> Mapping[str, Any]:
        return self.content.get("userIdentity") or {}

    @property
    def _parameters(self) -> Mapping[str, Any]:
        return self.content.get("requestParameters") or {}

    @property
    def _refused_resource(self) -> str | None:
        match = _RESOURCE.search(str(self.content.get("errorMessage") or ""))
        return match and match[1]


@dataclass(frozen=True)
class Lookup:
    """The events that have one attribute, newest first; it has all of them from ``since`` on."""

    events: tuple[TrailEvent, ...]
    since: datetime
    is_complete: bool


def look_up(reader: AwsReader, region: str, attribute: str, value: str, since: datetime) -> Lookup:
    """Return the newest events of a Region, at most EVENTS; NotReadError if CloudTrail does not answer."""
    answer = reader.ask(
        "cloudtrail",
        "LookupEvents",
        region=region,
        most=EVENTS,
        LookupAttributes=[{"AttributeKey": attribute, "AttributeValue": value}],
        StartTime=since,
    )
    found = (answer or {}).get("Events", ())
    events = tuple(
        TrailEvent(
            event["EventTime"].astimezone(UTC),  # botocore's time is in the zone of this machine
            region,
            json.loads(event.get("CloudTrailEvent") or "{}"),
        )
        for event in found
    )
    is_complete = not (answer or {}).get("NextToken")
    return Lookup(events, since if is_complete else events[-1].time, is_complete)
