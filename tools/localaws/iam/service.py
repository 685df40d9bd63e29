"""IAM's limit of inline policies and pages of a policy's roles, which moto does not have; the time of propagation."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.iam.policy_entities import roles_of_policy
from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call, Response
    from tools.localaws.context import LocalAwsContext

# Characters of all inline policies of one role or user together, without white space:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
_LIMITS = {"role": 10_240, "user": 2_048}


class Iam:
    """Refuses inline policies that IAM would refuse; moto answers nearly all calls."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._propagation = context.propagation
        context.control_routes["policy_delay"] = self._set_delay

    def _set_delay(self, arguments: Mapping[str, Any]) -> None:
        """``POST /_control/policy_delay {seconds}``: until an attached or detached policy has its effect."""
        self._propagation.delay = timedelta(seconds=float(arguments["seconds"]))

    def answer(self, call: Call) -> Response | None:
        """Return None, so that moto answers; LimitExceeded, with status 409, for a policy that is too long.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
        """
        if call.service == "iam" and call.operation in ("AttachRolePolicy", "DetachRolePolicy"):
            for role in list(backend("iam", call.account).roles.values()):
                if role.name == call.parameter("RoleName"):
                    self._propagation.changes(role)
        is_list = (call.service, call.operation) == ("iam", "ListEntitiesForPolicy")
        if is_list and call.parameter("EntityFilter") == "Role":
            return roles_of_policy(call)
        kind = {"PutRolePolicy": "role", "PutUserPolicy": "user"}.get(call.operation)
        if call.service != "iam" or kind is None:
            return None
        name = call.parameter("RoleName", "UserName")
        iam = backend("iam", call.account)
        entities = iam.roles if kind == "role" else iam.users
        policies = {
            policy: document
            for entity in list(entities.values())
            if entity.name == name
            for policy, document in dict(entity.policies).items()
        }
        policies[call.parameter("PolicyName")] = call.parameter("PolicyDocument")
        if sum(map(_size, policies.values())) > _LIMITS[kind]:
            # The message as IAM's users quote it: https://github.com/aws/aws-cdk/issues/12403
            message = f"Maximum policy size of {_LIMITS[kind]} bytes exceeded for {kind} {name}"
            raise ServiceError("LimitExceeded", message, 409)
        return None

    def close(self) -> None:
        """Do nothing: there is no process to end."""


def _size(document: object) -> int:
    return len("".join(str(document).split()))
