"""The Bedrock project on which an inference call is authorized, beside its model or profile.

botocore 1.44.8 documents it for Converse, ConverseStream, InvokeModel and InvokeModelWithResponseStream,
and for no other operation:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from tools.localaws.call import Call

_IN_THE_BODY = frozenset({"Converse", "ConverseStream"})
_IN_A_HEADER = frozenset({"InvokeModel", "InvokeModelWithResponseStream"})
_HEADER = "x-amzn-bedrock-projectidentifier"
_ARN_OR_ID = re.compile(
    r"arn:aws[a-z-]*:bedrock:[0-9a-z-]{1,20}:[0-9]{12}:project/[a-zA-Z0-9_-]+|[a-zA-Z0-9_-]+"
)


def called_project(call: Call) -> str | None:
    """Return the ARN of the project that a call uses; None if its operation uses none.

    The identifier is read from the request itself, because a botocore that is older than 1.44.8 does not
    know the parameter. Raises ServiceError: ValidationException for an identifier of another form,
    SerializationException for a body that is no JSON.
    """
    if call.operation in _IN_THE_BODY:
        identifier = _members(call).get("projectIdentifier")
    elif call.operation in _IN_A_HEADER:
        headers = {name.lower(): value for name, value in call.headers.items()}
        identifier = headers.get(_HEADER)
    else:
        return None
    if identifier is None:
        identifier = "default"
    if not isinstance(identifier, str) or not _ARN_OR_ID.fullmatch(identifier):
        raise ServiceError("ValidationException", "The provided project identifier is invalid.")
    is_arn = identifier.startswith("arn:")
    return identifier if is_arn else _project(call, identifier)


def check_project(call: Call) -> None:
    """Raise ServiceError if the call names a project that does not exist: the local AWS has only default ones."""
    if called_project(call) not in (None, _project(call, "default")):
        raise ServiceError(
            "ResourceNotFoundException", "The local AWS has no project but the default one.", 404
        )


def _members(call: Call) -> dict[str, Any]:
    try:
        members: dict[str, Any] = json.loads(call.body or b"{}")
    except ValueError as error:
        message = f"The request body does not fit bedrock-runtime:{call.operation}."
        raise ServiceError("SerializationException", message) from error
    return members


def _project(call: Call, name: str) -> str:
    return call.arn("bedrock", f"project/{name}")
