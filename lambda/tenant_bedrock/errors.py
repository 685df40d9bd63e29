"""What can go wrong, each with a name of its own; Lambda hands the class name on as ``errorType``.

No message holds anything the caller sent or the model answered: messages end up in the function's
own log, and prompts must not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenant_bedrock.delivery import Receipt

# The codes AWS uses for "too fast", lower-cased because a stream's events spell them in camelCase:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
_THROTTLES = {
    "requestlimitexceeded",
    "servicequotaexceededexception",
    "throttling",
    "throttlingexception",
    "toomanyrequestsexception",
}


class TenantBedrockError(Exception):
    """Any failure of this package; the message is a sentence and holds no prompt."""


class SettingsError(TenantBedrockError):
    """TENANT_BEDROCK or the Region is missing or broken."""


class BadRequestError(TenantBedrockError):
    """The event is not one the handler understands; no model was called."""


class ModelNotGrantedError(TenantBedrockError):
    """The tenant may not call this model in this Region."""


class RoleRefusedError(TenantBedrockError):
    """The operations role could not be assumed."""


class ThrottledError(TenantBedrockError):
    """AWS asks to be called more slowly; the same request may be sent again later."""


class ModelFailedError(TenantBedrockError):
    """Bedrock or the way to it failed."""


class PromptLeakError(TenantBedrockError):
    """Something switched on in this process would show the prompt to others; nothing was sent."""


def of_role(error: BaseException, receipt: Receipt | None = None) -> TenantBedrockError:
    """What it means for the caller that STS gave no keys."""
    said = _said(error, receipt)
    if _code(error).lower() in _THROTTLES:
        return ThrottledError(f"STS is throttling this account {said}. Try again in a few seconds.")
    if isinstance(error, ClientError) and not _is_the_servers(error):
        return RoleRefusedError(
            f"The operations role could not be assumed {said}. Its trust policy and this account's "
            "execution role must come from the same stanza: apply the operations root, then this "
            "customer account again."
        )
    return ModelFailedError(
        f"STS could not be asked for the operations role {said}. Check that this process has AWS "
        "credentials and a network path to STS in its Region."
    )


def of_model(error: BaseException, receipt: Receipt | None) -> TenantBedrockError:
    """What a failed model call means for the caller; names the record that holds the details."""
    if isinstance(error, TenantBedrockError):
        return error
    cause = next((e for e in _chain(error) if isinstance(e, ClientError)), error)
    if isinstance(cause, ClientError) and cause.operation_name == "AssumeRole":
        return of_role(cause, receipt)
    said = _said(cause, receipt)
    code = _code(cause)
    if code.lower() in _THROTTLES:
        return ThrottledError(f"Bedrock is throttling this tenant {said}. Try again later.")
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
    return next((_code(e) for e in _chain(error) if isinstance(e, ClientError)), _code(error))


def _code(error: BaseException) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def _is_the_servers(error: ClientError) -> bool:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500


def _said(error: BaseException, receipt: Receipt | None = None) -> str:
    """The facts of an error in brackets: code and ids, never AWS's message, which may quote."""
    facts = [_code(error)]
    if isinstance(error, ClientError):
        request_id = error.response.get("ResponseMetadata", {}).get("RequestId")
        facts += [f"request {request_id}"] if request_id else []
    if receipt is not None:
        facts.append(f"record {receipt.id} {receipt.delivery}")
    return f"({', '.join(facts)})"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes: LangChain re-raises some of Bedrock's errors as its own."""
    while error is not None:
        yield error
        error = error.__cause__
