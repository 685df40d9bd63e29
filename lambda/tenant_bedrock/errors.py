"""What can go wrong, each with a name of its own; Lambda hands the class name on as ``errorType``.

No message holds anything the caller sent or the model answered: messages end up in the function's
own log, and prompts must not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

# The codes AWS uses for "too fast", lower-cased because a stream's events spell them in camelCase:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
_THROTTLES = {
    "requestlimitexceeded",
    "servicequotaexceededexception",
    "throttling",
    "throttlingexception",
    "toomanyrequestsexception",
}
# AWS says which kind of policy refused, and not which policy:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIED_BY_THE_ROLE = "explicit deny in an identity-based policy"


class TenantBedrockError(Exception):
    """Any failure of this package; the message is a sentence and holds no prompt."""


class SettingsError(TenantBedrockError):
    """TENANT_BEDROCK or the Region is missing or broken."""


class BadRequestError(TenantBedrockError):
    """The event is not one the handler understands; no model was called."""


class ModelNotGrantedError(TenantBedrockError):
    """The tenant may not call this model in this Region."""


class TenantSuspendedError(TenantBedrockError):
    """The operations side has suspended the tenant, or is about to part with it."""


class RoleRefusedError(TenantBedrockError):
    """The operations role could not be assumed."""


class ThrottledError(TenantBedrockError):
    """AWS asks to be called more slowly; the same request may be sent again later."""


class ModelFailedError(TenantBedrockError):
    """Bedrock or the way to it failed."""


class NotRecordedError(TenantBedrockError):
    """The stanza requires an audit and a call could not be recorded; its answer is withheld."""


class PromptLeakError(TenantBedrockError):
    """Something switched on in this process would show the prompt to others; nothing was sent."""


class OutOfTimeError(Exception):
    """The invocation is nearly over: a failed attempt is not followed by another, paid one."""


class RecordNote(str):
    """A note on an exception (PEP 678) that says where the record of the failed call is."""

    __slots__ = ()


def passing(client: BedrockRuntimeClient) -> tuple[type[Exception], ...]:
    """The errors of a call after which another model may well answer: throttles, faults, timeouts.

    A request that is invalid, refused or above the cap would be so again, and is not among them.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
    """
    of_bedrock = client.exceptions
    return (
        of_bedrock.InternalServerException,
        of_bedrock.ModelErrorException,
        of_bedrock.ModelNotReadyException,
        of_bedrock.ModelTimeoutException,
        of_bedrock.ServiceUnavailableException,
        of_bedrock.ThrottlingException,
        ConnectionError,
        HTTPClientError,
    )


def of_role(error: BaseException) -> TenantBedrockError:
    """What it means for the caller that STS gave no keys."""
    said = _said(error)
    cause = _cause(error)
    if _code(cause).lower() in _THROTTLES:
        return ThrottledError(f"STS is throttling this account {said}. Try again in a few seconds.")
    if isinstance(cause, ClientError) and not _is_the_servers(cause):
        return RoleRefusedError(
            f"The operations role could not be assumed {said}. Its trust policy and this account's "
            "execution role must come from the same stanza: apply the operations root, then this "
            "customer account again."
        )
    return ModelFailedError(
        f"STS could not be asked for the operations role {said}. Check that this process has AWS "
        "credentials and a network path to STS in its Region."
    )


def of_model(error: BaseException) -> TenantBedrockError:
    """What a failed model call means for the caller; names the record that holds the details."""
    if isinstance(error, TenantBedrockError):
        return error
    cause = _cause(error)
    if isinstance(cause, ClientError) and cause.operation_name == "AssumeRole":
        return of_role(error)
    said = _said(error)
    code = _code(cause)
    if code.lower() in _THROTTLES:
        return ThrottledError(f"Bedrock is throttling this tenant {said}. Try again later.")
    if code == "AccessDeniedException" and _DENIED_BY_THE_ROLE in str(cause):
        return TenantSuspendedError(
            f"The operations side has suspended this tenant {said}: every call is refused, and "
            "trying again does not help. Ask the operations side; state in the tenant's stanza "
            "tells it."
        )
    if code == "AccessDeniedException":
        return ModelNotGrantedError(
            f"Bedrock refused the operations role this model in this Region {said}. Ask the "
            "operations side to grant it in the tenant's stanza and to apply."
        )
    return ModelFailedError(
        f"The model call failed {said}. The record holds the request and the error; a request that "
        "Bedrock calls invalid fails again, anything else may be tried again."
    )


def code_of(error: BaseException) -> str:
    """AWS's code for an error, or the class of one that AWS did not send."""
    return _code(_cause(error))


def _cause(error: BaseException) -> BaseException:
    """AWS's own error, if there is one: LangChain re-raises some of Bedrock's as its own."""
    return next((e for e in _chain(error) if isinstance(e, ClientError)), error)


def _code(error: BaseException) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def _is_the_servers(error: ClientError) -> bool:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500


def _said(error: BaseException) -> str:
    """The facts of an error in brackets: code and ids, never AWS's message, which may quote."""
    cause = _cause(error)
    facts = [_code(cause)]
    if isinstance(cause, ClientError):
        request_id = cause.response.get("ResponseMetadata", {}).get("RequestId")
        facts += [f"request {request_id}"] if request_id else []
    facts += [note for note in getattr(error, "__notes__", ()) if isinstance(note, RecordNote)]
    return f"({', '.join(facts)})"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
