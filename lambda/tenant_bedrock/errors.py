"""The errors of this package; Lambda reports the class name as ``errorType``.

No message quotes a prompt, an answer or an event, because Lambda writes messages to the function's
own log.
"""

from __future__ import annotations

import builtins
import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.quota_usage import UsageWindow

# AWS's error codes for throttling, in lower case because events of a stream use camelCase:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
_THROTTLING_CODES = {
    "requestlimitexceeded",
    "servicequotaexceededexception",
    "throttling",
    "throttlingexception",
    "toomanyrequestsexception",
}
# AWS's error codes for failures on its side that Bedrock's model does not list:
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_FAILURE_CODES = {"internalerror", "internalfailure", "serviceunavailable"}
# https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
_DENIAL_CODES = {"accessdenied", "accessdeniedexception", "notauthorized"}
# What AWS's message says about the policy that denied the call, and what it is called here. A Deny in a
# role's own policies reads the same whatever it denies, so it is not in this list:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_OTHER_POLICIES = {
    "service control policy": "a service control policy of its organization",
    "resource control policy": "a resource control policy of its organization",
    "permissions boundary": "the permissions boundary of the operations role",
    "session policy": "a session policy",
    "vpc endpoint policy": "the policy of the VPC endpoint that the call went through",
    "resource-based policy": "a resource-based policy",
}
# IAM's words for a denial without a Deny, of the same page: only these say that a grant is missing.
_NO_GRANT = "because no identity-based policy allows"
# Some services name no kind of policy after these words, of the same page.
_EXPLICIT_DENY = "with an explicit deny"
_OWN_EXPLICIT_DENY = re.compile(rf"{_EXPLICIT_DENY}(?: in an identity-based policy|[\s.]*$)")
# What the operator does when the account itself has no access to the model, by the beginning of
# Bedrock's message. Bedrock also sends most of these as ResourceNotFoundException or
# ValidationException, so the code does not matter. Sources of the messages and of what to do:
_ACCOUNT_REASONS = {
    # https://repost.aws/knowledge-center/bedrock-invokemodel-api-error
    "you don't have access to the model": "check that the account has access to it in this Region",
    "your account is not authorized": "check that the account has access to it in this Region",
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html
    "model access is denied": "complete the account's subscription to it in AWS Marketplace",
    # https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
    "model use case details": "submit the use case details that its provider asks for",
    # https://github.com/truefoundry/models/pull/934
    "you have not filled out the required use": "submit the use case details that its provider asks for",
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html describes both states;
    # the messages are in https://github.com/gsd-build/gsd-2/issues/5425
    "access denied. this model is marked by provider as legacy": "give the alias an active model",
    "this model version has reached the end of its life": "give the alias an active model",
    # https://github.com/aws-samples/generative-bi-using-rag/issues/361
    "access to anthropic models is not allowed": "check which countries its provider serves",
    # No source explains this one; its text refers to the AWS Solution Provider or Distributor.
    "access to this model is not available": "ask the seller of the account, or AWS, for access",
}
# Bedrock puts this before the message of a model's provider.
_PROVIDERS_MESSAGE = "the model returned the following errors: "
_MARKETPLACE = "aws-marketplace:"


class TenantBedrockError(Exception):
    """Any failure of this package; the message is a sentence without content of the call."""


class SettingsError(TenantBedrockError):
    """TENANT_BEDROCK or the Region is missing or invalid."""


class BadRequestError(TenantBedrockError):
    """The event or a parameter is invalid; no model was called."""


class ModelNotGrantedError(TenantBedrockError):
    """The tenant may not call this model in this Region."""


class ModelAccessError(TenantBedrockError):
    """The operations account itself has no access to the model, or AWS does not say why it denies it."""


class DeniedByPolicyError(TenantBedrockError):
    """A policy beside the tenant's grants denies the call, such as one of the organization."""


class TenantSuspendedError(TenantBedrockError):
    """The operations account denies the tenant everything: it is suspended or being offboarded."""


class QuotaReachedError(TenantBedrockError):
    """The tenant or the alias has used its quota; ``window_end`` says when it is let in again."""

    def __init__(self, message: str, window_end: datetime) -> None:
        super().__init__(message)
        self.window_end = window_end


class UsageNotReadError(TenantBedrockError):
    """The tenant's use of its quota could not be read."""


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


class OutOfTimeError(TenantBedrockError):
    """The invocation is nearly over; the request was not sent, or given up without a whole answer."""


class TransientError(ClientError):
    """A failure on AWS's side, or a throttle, under a code that Bedrock's model does not list."""


class RecordNote(str):
    """A note on an exception (PEP 678) that names the record of the failed call."""

    __slots__ = ()


def retryable_errors(client: BedrockRuntimeClient) -> tuple[type[Exception], ...]:
    """The errors after which another model may answer: throttling, failures and timeouts.

    Another model would also reject a request that is invalid, denied or above the cap. OutOfTimeError
    is among them so that the first model's error is raised when no time is left for another model.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors
    """
    return (
        client.exceptions.InternalServerException,
        client.exceptions.ModelErrorException,
        client.exceptions.ModelNotReadyException,
        client.exceptions.ModelStreamErrorException,
        client.exceptions.ModelTimeoutException,
        client.exceptions.ServiceUnavailableException,
        client.exceptions.ThrottlingException,
        ConnectionError,
        HTTPClientError,
        OutOfTimeError,
        TransientError,
        builtins.ConnectionError,  # LangChain's, for a stream that ends without its last event
    )


def as_transient(error: ClientError, client: BedrockRuntimeClient) -> ClientError:
    """The error as one of ``retryable_errors`` if it is a throttle or a failure of AWS."""
    is_transient = (
        error_code(error).lower() in _THROTTLING_CODES | _FAILURE_CODES
        or _status(error) >= 500
        or _status(error) == 429
    )
    if not is_transient or isinstance(error, retryable_errors(client)):
        return error
    return TransientError(error.response, error.operation_name)


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


def from_model_call(
    error: BaseException,
    is_denied_everything: Callable[[], bool] = lambda: False,
    reached_window: Callable[[], UsageWindow | None] = lambda: None,
) -> TenantBedrockError:
    """The error to raise when a model call has failed; its message names the record.

    ``is_denied_everything`` is ``Connection.is_denied_everything``; without it no error is a
    TenantSuspendedError, because AWS's message alone does not tell. ``reached_window`` is
    ``Connection.reached_window`` for the alias that was called; without it none is a QuotaReachedError.
    """
    if isinstance(error, OutOfTimeError):
        return OutOfTimeError(" ".join([str(error), *(f"({note})" for note in _notes(error))]))
    if isinstance(error, TenantBedrockError):
        return error
    cause = _aws_error(error)
    if isinstance(cause, ClientError) and cause.operation_name == "AssumeRole":
        return from_assume_role(error)
    facts = _facts(error)
    if error_code(cause).lower() in _THROTTLING_CODES:
        return ThrottledError(
            f"Bedrock is throttling calls from the operations account {facts}. Try again later."
        )
    if isinstance(cause, ClientError):
        refusal = _from_refusal(cause, facts, is_denied_everything, reached_window)
        if refusal:
            return refusal
    return ModelFailedError(
        f"The model call failed {facts}. The record holds the request and the error. Correct a "
        "request that Bedrock calls invalid; retry after any other error."
    )


def is_explicit_deny(error: ClientError) -> bool:
    """Whether a Deny in a policy of the role itself refused the call, whatever else it denies.

    True also if AWS's message does not say what kind of policy has the Deny.
    """
    return _is_denial(error) and bool(_OWN_EXPLICIT_DENY.search(_message(error)))


def _is_denial(error: ClientError) -> bool:
    return error_code(error).lower() in _DENIAL_CODES


def _message(error: ClientError) -> str:
    """AWS's message in lower case, or the message of the model's provider inside it."""
    message = str(error.response.get("Error", {}).get("Message", "")).lower()
    return message.removeprefix(_PROVIDERS_MESSAGE)


def _account_remedy(error: ClientError) -> str | None:
    """What the operator does about an account without access to the model; None for other errors.

    Only the beginning of a message counts, because the rest may quote the request.
    """
    message = _message(error)
    if _is_denial(error) and _MARKETPLACE in message:
        return _ACCOUNT_REASONS["model access is denied"]
    remedies = (text for start, text in _ACCOUNT_REASONS.items() if message.startswith(start))
    return next(remedies, None)


def _from_refusal(
    error: ClientError,
    facts: str,
    is_denied_everything: Callable[[], bool],
    reached_window: Callable[[], UsageWindow | None],
) -> TenantBedrockError | None:
    """The error if the account has no access to the model or AWS denied the call, otherwise None."""
    remedy = None if _is_server_error(error) else _account_remedy(error)
    if remedy:
        return ModelAccessError(
            f"The operations account has no access to this model {facts}. The tenant's grant is not "
            f"the cause. Ask the operator to {remedy}, and try again some minutes later."
        )
    if not _is_denial(error):
        return None
    return _from_denial(error, facts, is_denied_everything, reached_window)


def _from_denial(
    error: ClientError,
    facts: str,
    is_denied_everything: Callable[[], bool],
    reached_window: Callable[[], UsageWindow | None],
) -> TenantBedrockError:
    """The error for AccessDenied, by what AWS's message says about the policy that denied the call."""
    message = _message(error)
    if _NO_GRANT in message:
        return ModelNotGrantedError(
            f"Bedrock denied the operations role this model in this Region {facts}. Ask the "
            "operator to grant it in the tenant's stanza and to apply."
        )
    reason = message.rpartition(f"{_EXPLICIT_DENY} in ")[2]
    reason = reason if reason != message else message.rpartition("because no ")[2]
    for policy, name in _OTHER_POLICIES.items():
        if reason != message and reason.removeprefix("a ").startswith(policy):
            return DeniedByPolicyError(
                f"{name[0].upper()}{name[1:]} denied this call {facts}. The tenant's grant is not the "
                "cause, and the tenant is not suspended. Ask the operator to allow the call there."
            )
    if _EXPLICIT_DENY not in message:
        return ModelAccessError(
            f"Bedrock denied this call, and AWS's message does not name the reason {facts}. The model "
            "may not be granted in the tenant's stanza, the operations account may have no access to "
            "it, or another policy may deny the call. Contact the operator, who finds AWS's message "
            "in the record if records keep all content, and otherwise in CloudTrail."
        )
    if not is_explicit_deny(error):
        return DeniedByPolicyError(
            f"A policy that this package does not know explicitly denied this call {facts}. The "
            "tenant's grant is not the cause. Ask the operator to find the policy in CloudTrail."
        )
    return _from_own_deny(facts, is_denied_everything, reached_window)


def _from_own_deny(
    facts: str,
    is_denied_everything: Callable[[], bool],
    reached_window: Callable[[], UsageWindow | None],
) -> TenantBedrockError:
    """The error for a Deny in the role's own policies: of the guard, of a suspension, or another one."""
    window = reached_window()
    if window is not None:
        return _quota_reached(window, facts)
    if is_denied_everything():
        return TenantSuspendedError(
            f"The operations account has suspended this tenant {facts}. Every call is refused and "
            "retrying does not help; contact the operator, who sets state in the tenant's stanza."
        )
    return DeniedByPolicyError(
        f"A policy of the operations role explicitly denied this call {facts}. AWS does not say which "
        "one: it may deny this model, this Region or this network, or the tenant may be suspended. "
        "Contact the operator."
    )


def _quota_reached(window: UsageWindow, facts: str) -> QuotaReachedError:
    limit = (
        f"{window.limit:,.0f} tokens"
        if window.unit == "tokens"
        else f"{window.limit:,.2f} US dollars"
    )
    of_alias = "" if window.alias is None else f" for {window.alias}"
    return QuotaReachedError(
        f"The quota of {limit} a {window.window}{of_alias} is reached {facts}. Calls are refused until "
        f"{window.end:%Y-%m-%dT%H:%M:%SZ} or some minutes after, and retrying before does not help; contact the "
        "operator for a higher quota.",
        window.end,
    )


def from_token_count(error: BaseException) -> TenantBedrockError:
    """The error to raise when Bedrock has not counted tokens; no record names the request."""
    cause = _aws_error(error)
    other = from_model_call(error)
    is_of_sts = isinstance(cause, ClientError) and cause.operation_name == "AssumeRole"
    if is_of_sts or not isinstance(other, ModelFailedError):
        return other
    return ModelFailedError(
        f"Bedrock did not count the tokens {_facts(error)}; it counts them for some models only. "
        "LangChain's count_tokens_approximately counts without Bedrock."
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
    causes: list[BaseException] = []  # an application may raise an error from itself
    while error is not None and error not in causes:
        causes.append(error)
        yield error
        error = error.__cause__


def _is_server_error(error: ClientError) -> bool:
    return _status(error) >= 500


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _facts(error: BaseException) -> str:
    """The error's code and ids in brackets, without AWS's message, which may quote the request."""
    cause = _aws_error(error)
    facts = [error_code(cause)]
    if isinstance(cause, ClientError):
        request_id = cause.response.get("ResponseMetadata", {}).get("RequestId")
        facts += [f"request {request_id}"] if request_id else []
    return f"({', '.join([*facts, *_notes(error)])})"


def _notes(error: BaseException) -> list[str]:
    """The records that ``error`` names."""
    return [note for note in getattr(error, "__notes__", ()) if isinstance(note, RecordNote)]
