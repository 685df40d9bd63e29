"""Role sessions: temporary keys, whose they are, until when, and what narrows them."""

from __future__ import annotations

import secrets
import string
import threading
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
    """Keys as an SDK takes them; ``session_token`` and ``expiration`` only for a role session."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None


@dataclass(frozen=True)
class RoleSession:
    """One assumed role; ``policies`` are session policies as JSON text.

    ``request_context`` are condition keys that the service which made it sets on its every call.
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
        """When the keys stop working, by the cloud's clock."""
        expiration = self.credentials.expiration
        if expiration is None:
            raise ValueError("A role session always ends.")
        return expiration


class Sessions:
    """Every session ever issued: expired ones stay, so that they can be refused as expired."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_access_key: dict[str, RoleSession] = {}
        self._lock = threading.Lock()

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
        """Make keys for a role, in the role's account. Asks no policy: the caller has done so."""
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
        with self._lock:
            self._by_access_key[session.credentials.access_key_id] = session
        return session

    def find(self, access_key_id: str) -> RoleSession | None:
        """The session with this access key, expired or not; None when no such key was issued."""
        with self._lock:
            return self._by_access_key.get(access_key_id)

    def all(self) -> list[RoleSession]:
        """Every session ever issued, oldest first."""
        with self._lock:
            return list(self._by_access_key.values())
