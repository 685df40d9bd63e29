"""A denied call is told apart by what denied it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tenant_bedrock import (
    DeniedByPolicyError,
    ModelAccessError,
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
    ("Access denied.", ModelNotGrantedError, "grant"),
]


def _denial(message: str) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": "AccessDeniedException", "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": 403, "RequestId": "request-1"},
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

    assert suspended == {f"{USER} with an explicit deny in an identity-based policy"}


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
