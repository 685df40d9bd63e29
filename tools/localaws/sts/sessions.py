"""Role sessions: temporary keys with their owner, their expiration and their session policies."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tools.localaws.call import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.clock import Clock

_UPPER = string.ascii_uppercase + "234567"
_SECRET = string.ascii_letters + string.digits + "+/"


@dataclass(frozen=True)
class Credentials:
    """An access key for an SDK; a role session's also has ``session_token`` and ``expiration``."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None


@dataclass(frozen=True)
class RoleSession:
    """One assumed role; ``policies`` are session policies as JSON text.

    ``request_context`` holds the condition keys that the issuing service adds to each call.
    """

    credentials: Credentials
    principal: Principal
    role_id: str
    issued: datetime
    policies: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tags: tuple[str, ...] = ()
    source_identity: str | None = None
    request_context: Mapping[str, str] = field(default_factory=dict)

    @property
    def expiration(self) -> datetime:
        """When the keys expire, by the clock of the local AWS."""
        expiration = self.credentials.expiration
        if expiration is None:
            raise ValueError("A role session has an expiration.")
        return expiration


class Sessions:
    """All sessions ever issued: expired ones stay, so that their keys are refused as expired."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_access_key: dict[str, RoleSession] = {}

    def issue(
        self,
        *,
        role_arn: str,
        role_id: str,
        name: str,
        duration_seconds: int = 3600,
        policies: tuple[str, ...] = (),
        tags: Mapping[str, str] | None = None,
        transitive_tags: tuple[str, ...] = (),
        source_identity: str | None = None,
        request_context: Mapping[str, str] | None = None,
    ) -> RoleSession:
        """Issue keys of a role, in the role's account. The caller must have checked all policies."""
        _, partition, _, _, account, role_path = role_arn.split(":", 5)
        role_name = role_path.rsplit("/", 1)[-1]
        now = self._clock.now()
        session = RoleSession(
            credentials=Credentials(
                access_key_id="ASIA" + "".join(secrets.choice(_UPPER) for _ in range(16)),
                secret_access_key="".join(secrets.choice(_SECRET) for _ in range(40)),
                session_token="IQoJ" + secrets.token_urlsafe(96),
                expiration=(now + timedelta(seconds=duration_seconds)).replace(microsecond=0),
            ),
            principal=Principal(
                account=account,
                arn=f"arn:{partition}:sts::{account}:assumed-role/{role_name}/{name}",
                policy_arn=role_arn,
                kind="assumed-role",
                name=role_name,
                session=name,
            ),
            role_id=role_id,
            issued=now,
            policies=policies,
            tags=dict(tags or {}),
            transitive_tags=transitive_tags,
            source_identity=source_identity,
            request_context=dict(request_context or {}),
        )
        self._by_access_key[session.credentials.access_key_id] = session
        return session

    def find(self, access_key_id: str) -> RoleSession | None:
        """The session with this access key, which may have expired; None when no such key was issued."""
        return self._by_access_key.get(access_key_id)

    def all(self) -> list[RoleSession]:
        """All sessions ever issued, oldest first."""
        return list(self._by_access_key.values())
