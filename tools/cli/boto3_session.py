"""Makes boto3's sessions, which share the descriptions of AWS's services.

A session reads the description of each service anew, which takes some 100 ms of processor time for each client, and a
command that looks at every customer account has a session in each.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
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
    botocore's ProfileNotFound.
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
    # Each session of boto3 adds the folder of its own descriptions once more.
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)
    return session


@cache
def _loader(data_path: str | None) -> Loader:
    """Return the loader for a setting of AWS_DATA_PATH; its answers are kept."""
    return create_loader(data_path)
