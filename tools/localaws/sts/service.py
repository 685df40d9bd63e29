"""STS: AssumeRole, GetCallerIdentity and the refusal of DecodeAuthorizationMessage.

Authorization has already decided whether the call is allowed.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import Kind, parse_policy
from tools.localaws.call import Call, Response, ServiceError
from tools.localaws.moto_state import backend, managed_document, role_by_arn
from tools.localaws.permission import tag_map
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.context import LocalAwsContext

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")
_MIN_SECONDS = 900
_MAX_CHAINED_SECONDS = 3600  # https://repost.aws/knowledge-center/iam-role-chaining-limit
_MAX_POLICY_CHARACTERS = 2048
_DEFAULT_SECONDS = 3600


class Sts:
    """Issues role sessions and returns the identity of a caller."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context

    def answer(self, call: Call) -> Response | None:
        """Answer an operation of STS; authorization has refused those that are not supported."""
        if call.service != "sts":
            return None
        if call.operation == "AssumeRole":
            return write_result(call, self._assume_role(call))
        if call.operation == "DecodeAuthorizationMessage":  # no service here encodes a message
            raise ServiceError("InvalidAuthorizationMessageException", "The message is invalid.")
        caller = call.caller
        identity = {"Account": call.account, "Arn": caller.principal.arn, "UserId": caller.user_id}
        return write_result(call, identity)

    def _assume_role(self, call: Call) -> dict[str, Any]:
        parameters = call.parameters
        _check_format(parameters)
        role_arn = str(parameters["RoleArn"])
        role = role_by_arn(role_arn)
        source = call.caller.session
        seconds = int(parameters.get("DurationSeconds") or _DEFAULT_SECONDS)
        _check_duration(seconds, int(role.max_session_duration or 3600), chained=source is not None)
        inherited = {key: source.tags[key] for key in source.transitive_tags} if source else {}
        inherited_identity = source.source_identity if source else None
        request_tags = tag_map(parameters.get("Tags") or [])
        if inherited.keys() & request_tags.keys():
            message = "A transitive tag cannot be replaced by another value."
            raise ServiceError("InvalidParameterValue", message)
        identity = parameters.get("SourceIdentity") or inherited_identity
        if inherited_identity not in (None, identity):
            message = "The source identity of a session cannot be changed."
            raise ServiceError("AccessDenied", message, status=403)
        session = self._context.sessions.issue(
            role_arn=role_arn,
            role_id=role.id,
            name=str(parameters["RoleSessionName"]),
            duration_seconds=seconds,
            policies=_session_policies(parameters, role_arn.split(":")[4]),
            tags={**request_tags, **inherited},
            transitive_tags=(*inherited, *(parameters.get("TransitiveTagKeys") or ())),
            source_identity=identity,
        )
        keys = session.credentials
        return {
            "Credentials": {
                "AccessKeyId": keys.access_key_id,
                "SecretAccessKey": keys.secret_access_key,
                "SessionToken": keys.session_token,
                "Expiration": session.expiration,
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"{role.id}:{session.principal.session}",
                "Arn": session.principal.arn,
            },
            "PackedPolicySize": 6,
        }


def _session_policies(parameters: Mapping[str, Any], account: str) -> tuple[str, ...]:
    texts = []
    if text := parameters.get("Policy"):
        if len(text) > _MAX_POLICY_CHARACTERS:
            message = f"A session policy has at most {_MAX_POLICY_CHARACTERS} characters."
            raise ServiceError("PackedPolicyTooLarge", message)
        texts.append(str(text))
    iam = backend("iam", account)
    for entry in parameters.get("PolicyArns") or ():
        policy = iam.managed_policies.get(entry["arn"])
        if policy is None:
            raise _invalid(f"There is no policy {entry['arn']}.")
        texts.append(managed_document(policy))
    for text in texts:
        try:
            parse_policy(text, "session policy", Kind.IDENTITY)
        except UnsupportedPolicyError as error:
            raise ServiceError("MalformedPolicyDocument", str(error)) from error
    return tuple(texts)


def _check_format(parameters: Mapping[str, Any]) -> None:
    if not _SESSION_NAME.fullmatch(str(parameters.get("RoleSessionName") or "")):
        raise _invalid("roleSessionName must have 2 to 64 characters of [\\w+=,.@-].")
    external_id = parameters.get("ExternalId")
    if external_id is not None and not _EXTERNAL_ID.fullmatch(str(external_id)):
        raise _invalid("externalId must have 2 to 1224 characters of [\\w+=,.@:/-].")


def _check_duration(seconds: int, role_maximum: int, *, chained: bool) -> None:
    if seconds < _MIN_SECONDS:
        raise _invalid(f"durationSeconds must be at least {_MIN_SECONDS}.")
    if chained and seconds > _MAX_CHAINED_SECONDS:
        raise _invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit "
            "for roles assumed by role chaining"
        )
    if seconds > role_maximum:
        raise _invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)
