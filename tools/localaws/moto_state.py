"""Access to moto's state: its backends, and the lookups that several services share."""

from __future__ import annotations

from typing import Any, cast

import moto.backends

from tools.localaws.call import ServiceError

_get_backend = cast("Any", moto.backends.get_backend)  # typed by the name of every service


def backends(service: str) -> Any:  # noqa: ANN401
    """Moto's backends of a service: account id => Region (``global`` without one) => backend."""
    return _get_backend(service)


def backend(service: str, account: str, region: str = "global") -> Any:  # noqa: ANN401
    """Moto's backend of a service under moto's name, such as ``logs`` or ``lambda``.

    ``region`` is ``global`` for services without Regions (iam, s3, sts).
    """
    return backends(service)[account][region]


def role_by_arn(role_arn: str) -> Any:  # noqa: ANN401
    """Moto's role; None when there is no such role.

    Raises ServiceError (ValidationError) when ``role_arn`` is not a role's ARN.
    """
    parts = role_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        raise ServiceError("ValidationError", f"{role_arn} is invalid")
    roles = list(backend("iam", parts[4]).roles.values())
    return next((role for role in roles if role.arn == role_arn), None)


def managed_document(policy: Any) -> str:  # noqa: ANN401
    """The default version of moto's managed policy, as JSON text."""
    for version in policy.versions:
        if version.version_id == policy.default_version_id:
            return str(version.document)
    raise LookupError(f"{policy.arn} has no default version.")


def kms_key(reference: str, account: str, region: str) -> Any:  # noqa: ANN401
    """Moto's key; None when there is no such key.

    ``reference`` is a key id or an alias in ``account`` and ``region``, or an ARN with its own.
    """
    name = reference
    if reference.startswith("arn:"):
        parts = reference.split(":", 5)
        if len(parts) != 6:
            return None
        region, account, name = parts[3], parts[4], parts[5].removeprefix("key/")
    kms = backend("kms", account, region)
    if name.startswith("alias/"):
        name = kms.get_key_id_from_alias(name) or ""
    return kms.keys.get(name)
