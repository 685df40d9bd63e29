"""One signed AWS API call, its answer, and who made it: the words the local AWS's parts share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Principal:
    """Who signed a call.

    ``arn`` is what AWS prints in messages (an assumed role's session ARN); ``policy_arn`` is what
    ``aws:PrincipalArn`` holds (the role's own ARN), as
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html says.
    """

    account: str
    arn: str
    policy_arn: str
    kind: str  # "user", "assumed-role" or "root"
    name: str  # user or role name
    session: str | None = None


@dataclass(frozen=True)
class Call:
    """A parsed request: ``service`` and ``operation`` are botocore's names (``logs``, ``PutLogEvents``).

    ``parameters`` are the operation's input members as botocore names them, so a part of the cloud
    never touches the wire format. ``account`` is the caller's account.
    """

    service: str
    operation: str
    region: str
    account: str
    access_key: str
    parameters: Mapping[str, Any]
    headers: Mapping[str, str]
    method: str
    path: str
    query: str
    body: bytes = field(repr=False)
    principal: Principal | None = None
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True)
class Response:
    """An HTTP answer; ``body`` may be an iterable of chunks for a stream."""

    status: int
    body: bytes | Iterable[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


class ServiceError(Exception):
    """An AWS error: rendered in the protocol of the service that was called."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Service(Protocol):
    """A part of the cloud that answers calls moto cannot; None lets moto answer."""

    def answer(self, call: Call) -> Response | None:
        """Answer, refuse by raising ServiceError, or pass on by returning None."""
