"""STS: AssumeRole and GetCallerIdentity. Who may assume what was decided before, by authorization.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import Kind, parse_policy
from tools.localaws.call import Call, Response, ServiceError
from tools.localaws.moto_state import find_role, managed_document
from tools.localaws.protocols import write_result
from tools.localaws.required_permissions import tags_of

if TYPE_CHECKING:
    from tools.localaws.context import LocalAwsContext

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")
_SHORTEST_SECONDS = 900
_CHAINED_SECONDS = 3600  # https://repost.aws/knowledge-center/iam-role-chaining-limit
_POLICY_CHARACTERS = 2048
_DEFAULT_SECONDS = 3600


class Sts:
    """Issues role sessions and says who a caller is."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context

    def answer(self, call: Call) -> Response | None:
        """Answer what STS does here; authorization lets nothing else of STS through."""
        if call.service != "sts":
            return None
        if call.operation == "AssumeRole":
            return write_result(call, self._assume_role(call))
        return write_result(call, self._caller_identity(call))

    def _caller_identity(self, call: Call) -> dict[str, str]:
        session = self._context.sessions.find(call.access_key)
        principal = call.principal
        if principal is None:
            raise ServiceError("InvalidClientTokenId", "The call has no signer.", status=403)
        if session is not None:
            user_id = f"{session.role_id}:{principal.session}"
        else:
            user_id = self._context.backend("iam", call.account, "global").users[principal.name].id
        return {"Account": principal.account, "Arn": principal.arn, "UserId": user_id}

    def _assume_role(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        _check_format(given)
        role_arn = str(given["RoleArn"])
        account, role = find_role(role_arn)
        source = self._context.sessions.find(call.access_key)
        seconds = int(given.get("DurationSeconds") or _DEFAULT_SECONDS)
        _check_duration(seconds, int(role.max_session_duration or 3600), chained=source is not None)
        inherited = (
            {} if source is None else {key: source.tags[key] for key in source.transitive_tags}
        )
        inherited_identity = None if source is None else source.source_identity
        asked_tags = tags_of(given.get("Tags") or [])
        if inherited.keys() & asked_tags.keys():
            raise ServiceError("InvalidParameterValue", "A transitive tag cannot be set anew.")
        if inherited_identity and given.get("SourceIdentity") not in (None, inherited_identity):
            message = "The source identity of a session cannot be changed."
            raise ServiceError("AccessDenied", message, status=403)
        session = self._context.sessions.issue(
            role_arn=role_arn,
            role_id=role.id,
            name=str(given["RoleSessionName"]),
            duration_seconds=seconds,
            policies=self._session_policies(account, given),
            tags={**asked_tags, **inherited},
            transitive_tags=(*inherited, *(given.get("TransitiveTagKeys") or ())),
            source_identity=given.get("SourceIdentity") or inherited_identity,
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

    def _session_policies(self, account: str, given: Any) -> tuple[str, ...]:  # noqa: ANN401
        texts = []
        if text := given.get("Policy"):
            if len(text) > _POLICY_CHARACTERS:
                raise ServiceError(
                    "PackedPolicyTooLarge",
                    f"A session policy has at most {_POLICY_CHARACTERS} characters.",
                )
            texts.append(str(text))
        iam = self._context.backend("iam", account, "global")
        for entry in given.get("PolicyArns") or ():
            policy = iam.managed_policies.get(entry["arn"])
            if policy is None:
                raise ServiceError("ValidationError", f"There is no policy {entry['arn']}.")
            texts.append(managed_document(policy))
        for text in texts:
            try:
                parse_policy(text, "session policy", Kind.IDENTITY)
            except UnsupportedPolicyError as error:
                raise ServiceError("MalformedPolicyDocument", str(error)) from error
        return tuple(texts)


def _check_format(given: Any) -> None:  # noqa: ANN401
    if not _SESSION_NAME.fullmatch(str(given.get("RoleSessionName") or "")):
        raise ServiceError(
            "ValidationError", "roleSessionName must have 2 to 64 characters of [\\w+=,.@-]."
        )
    external_id = given.get("ExternalId")
    if external_id is not None and not _EXTERNAL_ID.fullmatch(str(external_id)):
        raise ServiceError(
            "ValidationError", "externalId must have 2 to 1224 characters of [\\w+=,.@:/-]."
        )


def _check_duration(seconds: int, longest: int, *, chained: bool) -> None:
    if seconds < _SHORTEST_SECONDS:
        raise ServiceError(
            "ValidationError", f"durationSeconds must be at least {_SHORTEST_SECONDS}."
        )
    if chained and seconds > _CHAINED_SECONDS:
        raise ServiceError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit "
            "for roles assumed by role chaining",
        )
    if seconds > longest:
        raise ServiceError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
