"""A boto3 session for libraries that make their own Bedrock client."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import boto3
from botocore.session import Session

from tenant_bedrock.bedrock_clients import refuse_credentials
from tenant_bedrock.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

_SERVICE = "bedrock-runtime"
# What would send calls past the role, to another place or without a certificate. ``config`` is taken and not used,
# because the connection has its own time limits and retries, and many libraries pass one.
_FIXED = (
    "use_ssl",
    "verify",
    "endpoint_url",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_account_id",
)


class RecordedSession(boto3.Session):
    """Makes the recorded clients of a connection, and nothing else.

    Any other service, and the role's keys themselves, are refused with BadRequestError: a library that signs its own
    requests would leave no record of them.
    """

    def __init__(self, region: str, client: Callable[[str], BedrockRuntimeClient]) -> None:
        super().__init__(botocore_session=Session(), region_name=region)
        self._recorded_client = client

    def client(  # type: ignore[override]  # boto3's stubs have one overload for each service
        self, service_name: str, region_name: str | None = None, **parameters: object
    ) -> BedrockRuntimeClient:
        """Return the recorded client of bedrock-runtime in a Region, by default in the session's."""
        if service_name != _SERVICE:
            raise BadRequestError(
                f"This session makes clients of {_SERVICE} only, because the operations role may do nothing else. "
                "Use a boto3 session of your own for other services."
            )
        fixed = [name for name in _FIXED if parameters.get(name) not in (None, True)]
        if fixed:
            raise BadRequestError(
                f"Leave out {', '.join(fixed)}: the connection sets where requests go and with which keys they are "
                "signed."
            )
        return self._recorded_client(region_name or self.region_name)

    def resource(self, *_: object, **__: object) -> NoReturn:
        """Raise BadRequestError, as Bedrock has no resources."""
        raise BadRequestError(f"This session makes clients of {_SERVICE} and no resources.")

    def get_credentials(self) -> NoReturn:
        """Raise BadRequestError, because calls signed elsewhere would have no record."""
        refuse_credentials()
