"""The errors of this package; Lambda reports the class name as ``errorType``.

No message quotes a prompt, an answer or an event, because Lambda writes messages to the function's
own log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

# AWS's error codes for throttling, in lower case because events of a stream use camelCase:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
_THROTTLING_CODES = {
    "requestlimitexceeded",
    "servicequotaexceededexception",
    "throttling",
    "throttlingexception",
    "toomanyrequestsexception",
}
# AWS's message names the kind of policy that denied the call, but not the policy itself:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_EXPLICIT_DENY = "explicit deny in an identity-based policy"


class TenantBedrockError(Exception):
    """Any failure of this package; the message is a sentence without content of the call."""


class SettingsError(TenantBedrockError):
    """TENANT_BEDROCK or the Region is missing or invalid."""


class BadRequestError(TenantBedrockError):
    """The event or a parameter is invalid; no model was called."""


class ModelNotGrantedError(TenantBedrockError):
    """The tenant may not call this model in this Region."""


class TenantSuspendedError(TenantBedrockError):
    """The operations account has suspended or is offboarding the tenant."""


class RoleRefusedError(TenantBedrockError):
    """STS refused to assume the operations role."""


class ThrottledError(TenantBedrockError):
    """AWS is throttling; the same request can be sent again later."""


class ModelFailedError(TenantBedrockError):
    """Bedrock, STS or the connection to them failed."""


class NotRecordedError(TenantBedrockError):
    """The stanza requires an audit and the call could not be recorded, so there is no answer."""


class PromptLeakError(TenantBedrockError):
    """Tracing or debug output in this process would show the prompt; nothing was sent."""


class OutOfTimeError(Exception):
    """The invocation is nearly over, so a failed attempt is not retried."""


class RecordNote(str):
    """A note on an exception (PEP 678) that names the record of the failed call."""

    __slots__ = ()


def retryable_errors(client: BedrockRuntimeClient) -> tuple[type[Exception], ...]:
    """The errors after which another model may answer: throttling, failures and timeouts.

    Another model would also reject a request that is invalid, denied or above the cap.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
    """
    return (
        client.exceptions.InternalServerException,
        client.exceptions.ModelErrorException,
        client.exceptions.ModelNotReadyException,
        client.exceptions.ModelTimeoutException,
        client.exceptions.ServiceUnavailableException,
        client.exceptions.ThrottlingException,
        ConnectionError,
        HTTPClientError,
    )


def from_assume_role(error: BaseException) -> TenantBedrockError:
    """The error to raise when STS has not issued keys for the operations role."""
    facts = _facts(error)
    cause = _aws_error(error)
    if error_code(cause).lower() in _THROTTLING_CODES:
        return ThrottledError(
            f"STS is throttling this account {facts}. Try again in a few seconds."
        )
    if isinstance(cause, ClientError) and not _is_server_error(cause):
        return RoleRefusedError(
            f"The operations role could not be assumed {facts}. Its trust policy and this account's "
            "execution role must come from the same stanza: apply the operations root, then this "
            "customer account again."
        )
    return ModelFailedError(
        f"The request to STS for the operations role failed {facts}. Check that this process has AWS "
        "credentials and a network path to STS in its Region."
    )


def from_model_call(error: BaseException) -> TenantBedrockError:
    """The error to raise when a model call has failed; its message names the record."""
    if isinstance(error, TenantBedrockError):
        return error
    cause = _aws_error(error)
    if isinstance(cause, ClientError) and cause.operation_name == "AssumeRole":
        return from_assume_role(error)
    facts = _facts(error)
    code = error_code(cause)
    if code.lower() in _THROTTLING_CODES:
        return ThrottledError(
            f"Bedrock is throttling calls from the operations account {facts}. Try again later."
        )
    if code == "AccessDeniedException" and _EXPLICIT_DENY in str(cause):
        return TenantSuspendedError(
            f"The operations account has suspended this tenant {facts}. Every call is refused and "
            "retrying does not help; contact the operator, who sets state in the tenant's stanza."
        )
    if code == "AccessDeniedException":
        return ModelNotGrantedError(
            f"Bedrock denied the operations role this model in this Region {facts}. Ask the "
            "operator to grant it in the tenant's stanza and to apply."
        )
    return ModelFailedError(
        f"The model call failed {facts}. The record holds the request and the error. Correct a "
        "request that Bedrock calls invalid; retry after any other error."
    )


def error_code(error: BaseException) -> str:
    """AWS's error code, or the class name of an error that AWS did not send."""
    cause = _aws_error(error)
    if isinstance(cause, ClientError):
        return str(cause.response.get("Error", {}).get("Code", "Unknown"))
    return type(cause).__name__


def _aws_error(error: BaseException) -> BaseException:
    """The ClientError behind ``error``, if any: LangChain wraps some of Bedrock's errors."""
    return next((cause for cause in _causes(error) if isinstance(cause, ClientError)), error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _is_server_error(error: ClientError) -> bool:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500


def _facts(error: BaseException) -> str:
    """The error's code and ids in brackets, without AWS's message, which may quote the request."""
    cause = _aws_error(error)
    facts = [error_code(cause)]
    if isinstance(cause, ClientError):
        request_id = cause.response.get("ResponseMetadata", {}).get("RequestId")
        facts += [f"request {request_id}"] if request_id else []
    facts += [note for note in getattr(error, "__notes__", ()) if isinstance(note, RecordNote)]
    return f"({', '.join(facts)})"
