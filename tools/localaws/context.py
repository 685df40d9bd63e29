"""What every part of the local AWS may use: moto's state, the clock, faults, sessions, routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.localaws.moto_state import backends

if TYPE_CHECKING:
    from tools.localaws.bedrock.inference_profiles import InferenceProfiles
    from tools.localaws.clock import Clock
    from tools.localaws.faults import Faults
    from tools.localaws.sts.sessions import RoleSession, Sessions
    from tools.localaws.trail import Trail

ControlRoute = Callable[[Mapping[str, Any]], Any]
"""Takes the control request's JSON object, returns what is sent back as JSON."""

Stored = Callable[[], Iterator[tuple[str, str, object]]]
"""Yields (account, location, value) for everything a service holds outside moto."""


@dataclass(frozen=True)
class LocalAwsContext:
    """Handed to each service's constructor.

    ``control_routes`` is filled by services at construction: name => handler, served as
    ``POST /_cloud/<name>``. ``stores`` too: what ``Control.search`` looks through besides moto.
    """

    url: str
    clock: Clock
    faults: Faults
    trail: Trail
    sessions: Sessions
    inference_profiles: InferenceProfiles
    control_routes: dict[str, ControlRoute] = field(default_factory=dict)
    stores: list[Stored] = field(default_factory=list)

    def backend(self, service: str, account: str, region: str) -> Any:  # noqa: ANN401
        """Moto's backend of a service (moto's name, such as ``logs`` or ``lambda``).

        ``region`` is ``global`` for services without Regions (iam, s3, sts).
        """
        return backends(service)[account][region]

    def start_role_session(
        self,
        role_arn: str,
        name: str,
        seconds: int = 3600,
        request_context: Mapping[str, str] | None = None,
    ) -> RoleSession:
        """Keys of an existing role, as an AWS service gets them for its own work (Lambda).

        ``request_context`` are condition keys of every call made with them. The role's trust in the
        service is the service's to check. Raises LookupError when there is no such role.
        """
        account = role_arn.split(":")[4]
        for role in self.backend("iam", account, "global").roles.values():
            if role.arn == role_arn:
                return self.sessions.issue(
                    role_arn=role_arn,
                    role_id=role.id,
                    name=name,
                    duration_seconds=seconds,
                    request_context=request_context,
                )
        raise LookupError(f"There is no role {role_arn}.")
