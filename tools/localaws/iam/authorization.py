"""IAM: roles, users and policies, with the paths they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backends
from tools.localaws.permission import Asked, Check, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moto.iam.models import Role, User


def iam(asked: Asked) -> Iterator[Check]:
    """Checks of an IAM call: on the role, user or policy that it names."""
    call = asked.call
    if call.operation == "CreateUser" and asked.parameter("PermissionsBoundary"):
        # moto would make the user without it, and it could do more than was asked for.
        message = "The local AWS keeps no permissions boundary of a user; give a role one."
        raise ServiceError("InvalidInput", message)
    action = f"iam:{call.operation}"
    state = backends("iam")[call.account]["global"]
    kinds = (("role", "RoleName", "roles"), ("user", "UserName", "users"))
    for kind, parameter, collection in kinds:
        if name := asked.parameter(parameter):
            found = list(getattr(state, collection).values())
            existing = next((item for item in found if item.name == name), None)
            path = f"{kind}{asked.parameter('Path') or '/'}{name}"
            resource = existing.arn if existing else asked.arn("iam", path, region="")
            yield Check(action, resource, call.account, _boundary(asked, existing))
            return
    if arn := asked.parameter("PolicyArn"):
        yield Check(action, arn, call.account)
    elif name := asked.parameter("PolicyName"):
        path = f"policy{asked.parameter('Path') or '/'}{name}"
        yield Check(action, asked.arn("iam", path, region=""), call.account)
    else:
        yield Check(action, "*", call.account)


def _boundary(asked: Asked, existing: Role | User | None) -> Values:
    """``iam:PermissionsBoundary``: the boundary that is asked for, or the one that is there.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    there = getattr(existing, "permissions_boundary_arn", None)
    boundary = asked.parameter("PermissionsBoundary") or there
    return {"iam:PermissionsBoundary": boundary} if boundary else {}
