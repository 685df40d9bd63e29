"""Reading moto's state: one place that knows how moto keeps what authorization asks about."""

from __future__ import annotations

import json
from typing import Any, cast

import moto.backends
from moto.awslambda.exceptions import UnknownFunctionException

from tools.localaws.call import ServiceError

_get_backend = cast("Any", moto.backends.get_backend)  # typed by the name of every service


def backends(service: str) -> Any:  # noqa: ANN401
    """Moto's backends of a service: account id => Region (``global`` without one) => backend."""
    return _get_backend(service)


def find_role(role_arn: str) -> tuple[str, Any]:
    """The account in a role's ARN and moto's role, or None when there is no such role.

    Raises ServiceError (ValidationError) when it is not a role's ARN.
    """
    parts = role_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        raise ServiceError("ValidationError", f"{role_arn} is invalid")
    for role in list(backends("iam")[parts[4]]["global"].roles.values()):
        if role.arn == role_arn:
            return parts[4], role
    return parts[4], None


def managed_document(policy: Any) -> str:  # noqa: ANN401
    """The default version of moto's managed policy, as JSON text."""
    for version in policy.versions:
        if version.version_id == policy.default_version_id:
            return str(version.document)
    raise LookupError(f"{policy.arn} has no default version.")


def find_key(named: str, account: str, region: str) -> Any:  # noqa: ANN401
    """Moto's key by id, ARN, alias or alias ARN, in the ARN's account; None when there is none."""
    if named.startswith("arn:"):
        parts = named.split(":", 5)
        if len(parts) != 6:
            return None
        region, account, named = parts[3], parts[4], parts[5].removeprefix("key/")
    kms = backends("kms")[account][region]
    if named.startswith("alias/"):
        named = kms.get_key_id_from_alias(named) or ""
    return kms.keys.get(named)


def find_bucket(name: str) -> tuple[str | None, str | None]:
    """A bucket's account and policy: names are global, so all accounts are asked."""
    for account, regions in list(backends("s3").items()):
        bucket = regions["global"].buckets.get(name)
        if bucket is not None:
            policy = bucket.policy
            return account, policy.decode() if isinstance(policy, bytes) else policy
    return None, None


def function_policy(arn: str) -> str | None:
    """A Lambda function's resource policy, or None when it has none."""
    _, _, _, region, account, _, name, *_ = arn.split(":")
    try:
        function = backends("lambda")[account][region].get_function(name)
    except UnknownFunctionException:
        return None
    policy = function.policy
    statements = policy.statements if policy else []
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None
