"""ListEntitiesForPolicy for roles, in pages, which moto cuts off without saying so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from tools.localaws.call import Call, Response

_PAGE = 100
_MOST = 1_000


def roles_of_policy(call: Call) -> Response:
    """Return the roles to which a managed policy is attached.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
    """
    iam = backend("iam", call.account)
    arn = call.parameter("PolicyArn")
    if arn not in iam.managed_policies:
        raise ServiceError(
            "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404
        )
    names = sorted(
        (role.name, role.id) for role in list(iam.roles.values()) if arn in role.managed_policies
    )
    size = int(call.parameters.get("MaxItems") or _PAGE)
    if not 1 <= size <= _MOST:
        raise ServiceError("ValidationError", f"MaxItems must be from 1 to {_MOST}.")
    start = int(call.parameters.get("Marker") or 0)
    shown = names[start : start + size]
    result: dict[str, Any] = {
        "IsTruncated": len(names) > start + size,
        "PolicyGroups": [],
        "PolicyRoles": [{"RoleName": name, "RoleId": role_id} for name, role_id in shown],
        "PolicyUsers": [],
    }
    if result["IsTruncated"]:
        result["Marker"] = str(start + size)
    return write_result(call, result)
