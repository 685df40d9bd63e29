"""The state that the services of the local AWS share: clock, faults, trail, sessions and profiles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import role_by_arn

if TYPE_CHECKING:
    from tools.localaws.bedrock.control_plane import EnforcedGuardrails, InferenceProfiles
    from tools.localaws.bedrock.stored_objects import BedrockObjects
    from tools.localaws.clock import Clock
    from tools.localaws.cloudtrail.management_events import ManagementEvent
    from tools.localaws.cloudwatch.bedrock_data_points import BedrockDataPoints
    from tools.localaws.events.service import PutEvent
    from tools.localaws.faults import Faults
    from tools.localaws.iam.policy_propagation import PolicyPropagation
    from tools.localaws.organizations.authorization import DelegationPolicies
    from tools.localaws.sts.sessions import RoleSession, Sessions
    from tools.localaws.trail import Trail

ControlRoute = Callable[[Mapping[str, Any]], Any]
"""Takes the JSON object of a control request and returns the JSON value of the response."""


@dataclass(frozen=True)
class LocalAwsContext:
    """Passed to each service's constructor.

    A service adds its own control routes to ``control_routes`` at construction: name => handler.
    """

    url: str
    clock: Clock
    faults: Faults
    trail: Trail
    sessions: Sessions
    inference_profiles: InferenceProfiles
    data_points: BedrockDataPoints
    propagation: PolicyPropagation
    enforced_guardrails: EnforcedGuardrails = field(default_factory=dict)
    management_events: list[ManagementEvent] = field(default_factory=list)
    trail_events: list[ManagementEvent] = field(default_factory=list)  # on their way to EventBridge
    put_events: list[PutEvent] = field(default_factory=list)
    delegation_policies: DelegationPolicies = field(default_factory=dict)
    bedrock_objects: BedrockObjects = field(default_factory=lambda: defaultdict(list))
    control_routes: dict[str, ControlRoute] = field(default_factory=dict)

    def start_role_session(
        self,
        role_arn: str,
        name: str,
        seconds: int = 3600,
        request_context: Mapping[str, str] | None = None,
    ) -> RoleSession:
        """Issue keys of an existing role to an AWS service, for its own work (Lambda, Bedrock).

        ``request_context`` holds condition keys of every call made with the keys. The service has
        to check that the role trusts it. Raises LookupError when there is no such role.
        """
        try:
            role = role_by_arn(role_arn)
        except ServiceError as error:
            raise LookupError(error.message) from error
        if role is None:
            raise LookupError(f"There is no role {role_arn}.")
        return self.sessions.issue(
            role_arn=role_arn,
            role_id=role.id,
            name=name,
            duration_seconds=seconds,
            request_context=request_context,
        )
