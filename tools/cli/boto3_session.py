"""Makes boto3's sessions, which share the descriptions of AWS's services.

A session reads the description of each service anew, which takes some 100 ms of processor time for each client, and a
command that looks at every customer account has a session in each.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, CredentialRetrievalError
from botocore.loaders import create_loader
from botocore.session import get_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.loaders import Loader


def boto3_session(
    region: str, *, keys: Mapping[str, str] | None = None, profile: str | None = None
) -> boto3.Session:
    """Return a session with the caller's own credentials, with those of a profile, or with keys.

    ``keys`` is the ``Credentials`` of an answer of STS, in which a user's own keys have no SessionToken. Raises
    botocore's ProfileNotFound, and its CredentialRetrievalError if a credential_process does not print any.
    """
    core = get_session()
    if profile is not None:
        core.set_config_variable("profile", profile)
        core.get_scoped_config()  # ProfileNotFound
    loader = _loader(core.get_config_variable("data_path"))
    core.register_component("data_loader", loader)
    credentials = (
        {}
        if keys is None
        else {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys.get("SessionToken"),
        }
    )
    session = boto3.Session(**credentials, botocore_session=core, region_name=region)
    if keys is None:
        _find_credentials(session)
    # Each session of boto3 adds the folder of its own descriptions once more.
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)
    return session


def _find_credentials(session: boto3.Session) -> None:
    """Find the credentials without a request to STS; botocore lets errors of other kinds through.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    """
    try:
        session.get_credentials()
    except BotoCoreError:
        raise
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        reason = str(error)
        if not isinstance(error, OSError):
            reason = f"its credential_process does not print credentials ({reason})"
        raise CredentialRetrievalError(provider="the AWS configuration", error_msg=reason) from None


@cache
def _loader(data_path: str | None) -> Loader:
    """Return the loader for a setting of AWS_DATA_PATH; its answers are kept."""
    return create_loader(data_path)
