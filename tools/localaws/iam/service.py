"""IAM's limit of inline policies, which moto does not enforce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from tools.localaws.call import Call, Response

# Characters of all inline policies of one role or user together, without white space:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
_LIMITS = {"role": 10_240, "user": 2_048}


class Iam:
    """Refuses inline policies that IAM would refuse; moto answers all calls."""

    def answer(self, call: Call) -> Response | None:
        """Return None, so that moto answers; LimitExceeded, with status 409, for a policy that is too long.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
        """
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
