"""Says in a sentence why AWS refused a request or did not answer, and which credentials the request was made with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The error codes for keys that AWS does not know, that have expired, or whose signature is wrong:
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_BAD_KEYS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
# The errors of botocore for credentials that it did not find or could not get.
_NO_KEYS = (
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.CredentialRetrievalError,
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.ProfileNotFound,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
)
# Where a container finds its role's credentials:
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
_CONTAINER = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


@dataclass(frozen=True)
class CredentialSource:
    """Where boto3 takes credentials from; ``renewal`` is the sentence that says how to get others."""

    name: str
    renewal: str


def aws_sentence(error: BotoCoreError | ClientError) -> str:
    """Return a sentence about a request that AWS refused or did not answer, with what to do."""
    if isinstance(error, BotoCoreError):
        problem = str(error).rstrip(".")
        advice = (
            credential_advice()
            if is_about_credentials(error)
            else "Check the connection to AWS, and run the command again."
        )
        return f"The request to AWS failed: {problem}. {advice}"
    details = error.response.get("Error", {})
    code, message = details.get("Code", "no code"), details.get("Message", "").rstrip(".")
    if is_about_credentials(error):
        advice = f"The keys may have expired. {credential_advice()}"
    elif "AccessDenied" in code or "Unauthorized" in code:
        advice = "Allow this action to the credentials, or use others, and run the command again."
    else:
        advice = "Put right what AWS names, or wait if it was busy, and run the command again."
    return f"AWS refused {error.operation_name} with {code}: {message}. {advice}"


def is_about_credentials(error: BotoCoreError | ClientError) -> bool:
    """Return whether other credentials may help, because there are none or AWS does not accept them."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in _BAD_KEYS
    return isinstance(error, _NO_KEYS)


def credential_advice() -> str:
    """Return which credentials are used here, and how to renew them, as sentences."""
    source = credential_source()
    return f"Credentials of AWS come from {source.name} here. {source.renewal} Then run the command again."


def credential_source() -> CredentialSource:
    """Return the source that boto3 uses, without a request; on AWS, an instance's role is the last one.

    The order: https://docs.aws.amazon.com/boto3/latest/guide/credentials.html
    """
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return CredentialSource(
            "the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            "Export new keys, or unset these variables so that AWS_PROFILE counts.",
        )
    from botocore.session import Session  # noqa: PLC0415 - only after an error; the import takes long

    session = Session()
    name = session.get_config_variable("profile")
    try:
        profiles: Mapping[str, Any] = session.full_config.get("profiles", {})
    except exceptions.ConfigParseError:
        return CredentialSource(
            "an AWS configuration that cannot be read", "Correct the file that is named."
        )
    if name is not None and name not in profiles:
        return CredentialSource(
            f'the profile "{name}", which the AWS configuration does not have',
            "Write the name of one of its profiles into AWS_PROFILE.",
        )
    profile = str(name or "default")
    if settings := profiles.get(profile):
        return _source_of_profile(profile, settings, profiles)
    return _source_without_profile()


def _source_of_profile(
    name: str, settings: Mapping[str, Any], profiles: Mapping[str, Any]
) -> CredentialSource:
    if role := settings.get("role_arn"):
        source = str(settings.get("source_profile"))
        if source in profiles and source != name:
            inner = _source_of_profile(source, profiles[source], profiles)
            return CredentialSource(
                f'the role {role} of the profile "{name}", which is assumed with {inner.name}',
                inner.renewal,
            )
        return CredentialSource(
            f'the role {role} of the profile "{name}"',
            "Check that its source of credentials is there and that the role trusts it.",
        )
    # https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html
    if "sso_session" in settings or "sso_start_url" in settings:
        renewal = f"Run `aws sso login --profile {name}`."
    # https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sign-in.html
    elif "login_session" in settings:
        renewal = f"Run `aws login --profile {name}`."
    elif "credential_process" in settings:
        renewal = f'Sign in to the program that is its credential_process in the profile "{name}".'
    else:
        renewal = f"Write new keys with `aws configure --profile {name}`."
    return CredentialSource(f'the profile "{name}"', renewal)


def _source_without_profile() -> CredentialSource:
    if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        role = os.environ.get("AWS_ROLE_ARN", "that AWS_ROLE_ARN does not name")
        return CredentialSource(
            f"the role {role}, with the token in AWS_WEB_IDENTITY_TOKEN_FILE",
            "Check that the role trusts the issuer of the token, and get a new token.",
        )
    if any(os.environ.get(variable) for variable in _CONTAINER):
        return CredentialSource(
            "the role of this container", "Check that its task or pod has a role."
        )
    return CredentialSource(
        "the role of this machine if it has one, since there is neither a profile nor a key",
        "Set AWS_PROFILE to a profile of your AWS configuration; `aws configure sso` writes one.",
    )
