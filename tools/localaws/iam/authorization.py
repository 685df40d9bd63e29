"""IAM permissions: on roles, users and policies, under the ARNs that include their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend
from tools.localaws.permission import ContextKeys, Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moto.iam.models import Role, User

    from tools.localaws.call import Call


# The actions to which AWS gives iam:PermissionsBoundary:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
_WITH_BOUNDARY = frozenset(
    {
        "AttachRolePolicy",
        "AttachUserPolicy",
        "CreateRole",
        "CreateUser",
        "DeleteRole",
        "DeleteRolePermissionsBoundary",
        "DeleteRolePolicy",
        "DeleteUserPermissionsBoundary",
        "DeleteUserPolicy",
        "DetachRolePolicy",
        "DetachUserPolicy",
        "GetRole",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "PutUserPermissionsBoundary",
        "PutUserPolicy",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
        "UpdateRoleDescription",
    }
)


def iam_permissions(call: Call) -> Iterator[Permission]:
    """The permission of an IAM call: on the role, user or policy in its parameters."""
    if call.operation == "CreateUser" and call.parameter("PermissionsBoundary"):
        # moto would create the user without the boundary, with more rights than the caller intended.
        message = "The local AWS does not store a user's permissions boundary; use a role with one instead."
        raise ServiceError("InvalidInput", message)
    action = f"iam:{call.operation}"
    iam = backend("iam", call.account)
    for kind, parameter, entities in (
        ("role", "RoleName", iam.roles),
        ("user", "UserName", iam.users),
    ):
        if name := call.parameter(parameter):
            existing = next(
                (entity for entity in list(entities.values()) if entity.name == name), None
            )
            path = f"{kind}{call.parameter('Path') or '/'}{name}"
            resource = existing.arn if existing else call.arn("iam", path, region="")
            context = {**_boundary(call, existing), **_policy(call)}
            yield Permission(action, resource, call.account, context)
            return
    if arn := call.parameter("PolicyArn"):
        yield Permission(action, arn, call.account)
    elif name := call.parameter("PolicyName"):
        path = f"policy{call.parameter('Path') or '/'}{name}"
        yield Permission(action, call.arn("iam", path, region=""), call.account)
    else:
        yield Permission(action, "*", call.account)


def _policy(call: Call) -> ContextKeys:
    """``iam:PolicyARN``: the managed policy that is attached or detached; of the same page as ``_boundary``."""
    if not call.operation.startswith(("Attach", "Detach")):
        return {}
    return {"iam:PolicyARN": call.parameter("PolicyArn")}


def _boundary(call: Call, existing: Role | User | None) -> ContextKeys:
    """``iam:PermissionsBoundary``: the boundary in the request, or else the existing one.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    if call.operation not in _WITH_BOUNDARY:
        return {}
    boundary = call.parameter("PermissionsBoundary") or getattr(
        existing, "permissions_boundary_arn", None
    )
    return {"iam:PermissionsBoundary": boundary} if boundary else {}
