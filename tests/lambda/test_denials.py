"""A denied call is told apart by what denied it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tenant_bedrock import (
    DeniedByPolicyError,
    ModelAccessError,
    ModelFailedError,
    ModelNotGrantedError,
    TenantBedrockError,
    TenantSuspendedError,
    errors,
)
from tenant_bedrock.handler import handler

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = {"prompt": "hello", "model": "claude"}
GRANTED = {
    "Action": "bedrock:InvokeModel",
    "Resource": "arn:aws:bedrock:eu-central-1::foundation-model/*",
}
SUSPENSION = {"Effect": "Deny", "Action": "*", "Resource": "*"}
USER = (
    "User: arn:aws:sts::111111111111:assumed-role/bedrock-local-acme/acme is not authorized to "
    "perform: bedrock:InvokeModel on resource: arn:aws:bedrock:eu-central-1::foundation-model/a.b"
)
MARKETPLACE = (
    "Model access is denied due to User: arn:aws:sts::111111111111:assumed-role/x/y is not "
    "authorized to perform: aws-marketplace:ViewSubscriptions on resource: * because no "
    "identity-based policy allows the aws-marketplace:ViewSubscriptions action. Your AWS Marketplace "
    "subscription for this model cannot be completed at this time."
)
MARKETPLACE_ACTIONS = (
    "Model access is denied due to IAM user or service role is not authorized to perform the required "
    "AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable "
    "access to this model."
)
# AWS's wordings, of its user guide and of public issues; since 2026 an ARN of the policy may follow:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
# https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns
SCP = "arn:aws:organizations::987654321098:policy/o-a1/service_control_policy/p-2kgnabcd"
MESSAGES: list[tuple[str, type[TenantBedrockError], str]] = [
    ("You don't have access to the model with the specified model ID.", ModelAccessError, "access"),
    (MARKETPLACE, ModelAccessError, "Marketplace"),
    (MARKETPLACE_ACTIONS, ModelAccessError, "Marketplace"),
    (
        f"{USER} with an explicit deny in a service control policy",
        DeniedByPolicyError,
        "service control policy",
    ),
    (
        f"{USER} with an explicit deny in a service control policy: {SCP}",
        DeniedByPolicyError,
        "service control policy",
    ),
    (
        f"{USER} because no service control policy allows the bedrock:InvokeModel action",
        DeniedByPolicyError,
        "service control policy",
    ),
    (
        f"{USER} with an explicit deny in a resource control policy",
        DeniedByPolicyError,
        "resource control policy",
    ),
    (
        f"{USER} with an explicit deny in a permissions boundary",
        DeniedByPolicyError,
        "boundary of the operations role",
    ),
    (
        f"{USER} because no permissions boundary allows the bedrock:InvokeModel action",
        DeniedByPolicyError,
        "boundary of the operations role",
    ),
    (f"{USER} with an explicit deny in a session policy", DeniedByPolicyError, "session policy"),
    (
        f"{USER} because no VPC endpoint policy allows the bedrock:InvokeModel action",
        DeniedByPolicyError,
        "VPC endpoint",
    ),
    (
        f"{USER} with an explicit deny in an identity-based policy",
        DeniedByPolicyError,
        "AWS does not say which",
    ),
    (
        f"{USER} because no identity-based policy allows the bedrock:InvokeModel action",
        ModelNotGrantedError,
        "grant",
    ),
    (f"{USER} with an explicit deny", DeniedByPolicyError, "AWS does not say which"),
    (
        f"{USER} with an explicit deny in a delegation policy",
        DeniedByPolicyError,
        "this package does not know",
    ),
    (
        (
            "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be "
            "provided."
        ),
        ModelAccessError,
        "Marketplace",
    ),
    *(
        (message, ModelAccessError, "does not name the reason")
        for message in (
            "",
            "Access denied.",
            "Bedrock is unable to process your request.",
            USER,
            f"{USER} because no delegation policy allows the bedrock:InvokeModel action",
        )
    ),
]
# Messages about the account, which come under several codes. Sources: see errors.py.
USE_CASE = (
    "Model use case details have not been submitted for this account. Fill out the Anthropic use "
    "case details form before using the model."
)
ACCOUNT_MESSAGES: list[tuple[str, str]] = [
    ("Your account is not authorized to invoke this API operation.", "access to it"),
    (USE_CASE, "use case details"),
    (
        (
            "The model returned the following errors: You have not filled out the required use-case form "
            "for this model."
        ),
        "use case details",
    ),
    (
        (
            "Access denied. This Model is marked by provider as Legacy and you have not been actively "
            "using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock"
        ),
        "an active model",
    ),
    (
        (
            "This model version has reached the end of its life. Please refer to the AWS documentation "
            "for more details."
        ),
        "an active model",
    ),
    (
        (
            "Access to this model is not available for channel program accounts. Reach out to your AWS "
            "Solution Provider or AWS Distributor for more information."
        ),
        "seller",
    ),
    (
        (
            "Access to Anthropic models is not allowed from unsupported countries, regions, or "
            "territories."
        ),
        "countries",
    ),
]


def _denial(message: str, code: str = "AccessDeniedException", status: int = 403) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "request-1"},
        },  # type: ignore[typeddict-item]
        "Converse",
    )


@pytest.mark.parametrize(("message", "error_class", "phrase"), MESSAGES)
def test_a_denial_is_named_by_what_aws_says(
    message: str, error_class: type[TenantBedrockError], phrase: str
) -> None:
    error = errors.from_model_call(_denial(message))

    assert type(error) is error_class
    assert phrase in str(error)
    assert "request request-1" in str(error)
    assert "arn:aws" not in str(error)


def test_only_a_deny_in_the_roles_own_policies_can_be_a_suspension() -> None:
    suspended = {
        message
        for message, _, _ in MESSAGES
        if isinstance(errors.from_model_call(_denial(message), lambda: True), TenantSuspendedError)
    }

    assert suspended == {
        f"{USER} with an explicit deny in an identity-based policy",
        f"{USER} with an explicit deny",
    }


@pytest.mark.parametrize("code", ["AccessDenied", "accessDeniedException", "NotAuthorized"])
def test_every_code_of_a_denial_is_known(code: str) -> None:
    message = f"{USER} because no identity-based policy allows the bedrock:InvokeModel action"

    assert isinstance(errors.from_model_call(_denial(message, code)), ModelNotGrantedError)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 403),
        ("FTUFormNotFilled", 404),
        ("ResourceNotFoundException", 404),
        ("ValidationException", 400),
    ],
)
@pytest.mark.parametrize(("message", "phrase"), ACCOUNT_MESSAGES)
def test_an_account_without_access_is_named_under_every_code(
    message: str, phrase: str, code: str, status: int
) -> None:
    error = errors.from_model_call(_denial(message, code, status))

    assert type(error) is ModelAccessError
    assert phrase in str(error)


@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        (f"Value '{USE_CASE} aws-marketplace:' is invalid.", "ValidationException", 400),
        (USE_CASE, "InternalServerException", 500),
        ("The provided model identifier is invalid.", "ValidationException", 400),
        ("Could not resolve the foundation model.", "ResourceNotFoundException", 404),
    ],
)
def test_a_quoted_phrase_or_a_failure_of_aws_says_nothing_about_the_account(
    message: str, code: str, status: int
) -> None:
    assert type(errors.from_model_call(_denial(message, code, status))) is ModelFailedError


@pytest.mark.parametrize(
    "deny",
    [
        {"Action": "bedrock:InvokeModel", "Resource": "*"},
        {
            "Action": "bedrock:*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}},
        },
        {"NotAction": "sts:*", "Resource": "*"},
    ],
    ids=["a model", "a Region", "all but STS"],
)
def test_a_deny_of_something_is_no_suspension(
    acme: Any, permit: Callable[..., None], deny: dict[str, Any]
) -> None:
    permit(GRANTED, {"Effect": "Deny", **deny})

    with pytest.raises(DeniedByPolicyError, match=r"may be suspended.*Contact the operator"):
        handler(ASKED, None)


def test_a_deny_of_everything_is_a_suspension_in_a_stream_too(
    acme: Any, permit: Callable[..., None]
) -> None:
    connection = acme.connect()
    permit(GRANTED, SUSPENSION)

    with pytest.raises(ClientError) as caught:
        list(connection.chat("claude").stream("hello"))

    error = errors.from_model_call(caught.value, connection.is_denied_everything)
    assert isinstance(error, TenantSuspendedError)


def test_without_an_answer_of_sts_a_deny_is_not_called_a_suspension(
    acme: Any, permit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler(ASKED, None)
    permit(GRANTED, SUSPENSION)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")

    with pytest.raises(DeniedByPolicyError):
        handler(ASKED, None)


def test_a_tenant_without_a_deny_is_not_denied_everything(acme: Any) -> None:
    assert not acme.connect().is_denied_everything()
