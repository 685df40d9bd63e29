"""One signed AWS API call, its caller and its response: the types that all parts of the local AWS share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tools.localaws.sts.sessions import RoleSession


@dataclass(frozen=True)
class Principal:
    """The identity that signed a call.

    ``arn`` is the ARN that AWS prints in messages (an assumed role's session ARN); ``policy_arn``
    is the value of ``aws:PrincipalArn`` (the role's own ARN), see
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.
    """

    account: str
    arn: str
    policy_arn: str
    kind: str  # "user" or "assumed-role"
    name: str  # user or role name
    session: str | None = None


@dataclass(frozen=True)
class Caller:
    """The verified signer of a call; ``session`` is set only for a role's temporary keys."""

    principal: Principal
    user_id: str
    session: RoleSession | None = None


@dataclass(frozen=True)
class Call:
    """A parsed request: ``service`` and ``operation`` are botocore's names (``logs``, ``PutLogEvents``).

    ``parameters`` are the operation's input members under botocore's names, so no service of the
    local AWS handles the wire format.
    """

    service: str
    operation: str
    region: str
    partition: str  # such as "aws" or "aws-us-gov"
    caller: Caller
    parameters: Mapping[str, Any]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    source_ip: str = "127.0.0.1"

    @property
    def account(self) -> str:
        """The caller's account."""
        return self.caller.principal.account

    def arn(self, service: str, path: str, *, region: str | None = None) -> str:
        """An ARN in the caller's account, and in the call's Region unless another one is given."""
        arn_region = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{arn_region}:{self.account}:{path}"

    def parameter(self, *names: str) -> str:
        """The first of these parameters that has a value, or an empty text."""
        return next((str(self.parameters[name]) for name in names if self.parameters.get(name)), "")


@dataclass(frozen=True)
class Response:
    """An HTTP response; ``body`` is an iterable of chunks for a stream."""

    status: int
    body: bytes | Iterable[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


class ServiceError(Exception):
    """An AWS error, which is rendered in the protocol of the service that was called."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Service(Protocol):
    """An AWS service that answers calls which moto cannot answer."""

    def answer(self, call: Call) -> Response | None:
        """Return a response, raise ServiceError, or return None so that moto answers the call."""
