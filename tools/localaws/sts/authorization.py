"""STS permissions: the role's trust policy decides, with the parameters that the caller passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import role_by_arn
from tools.localaws.permission import ContextKeys, Permission, resource_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call


def sts_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of AssumeRole, its tags and DecodeAuthorizationMessage; the rest is refused."""
    if call.operation == "DecodeAuthorizationMessage":
        yield Permission("sts:DecodeAuthorizationMessage", "*", call.account)
        return
    if call.operation != "AssumeRole":
        message = f"The local AWS does not support sts:{call.operation}."
        raise ServiceError("AccessDenied", message, status=403)
    role_arn = call.parameter("RoleArn")
    role = role_by_arn(role_arn)
    context: ContextKeys = {"sts:RoleSessionName": call.parameter("RoleSessionName")}
    for key, name in (("sts:ExternalId", "ExternalId"), ("sts:SourceIdentity", "SourceIdentity")):
        if call.parameters.get(name):
            context[key] = call.parameter(name)
    if call.parameters.get("TransitiveTagKeys"):
        context["sts:TransitiveTagKeys"] = tuple(call.parameters["TransitiveTagKeys"])
    # The next role must allow what a session passes on, as if the request itself contained it:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
    session = call.caller.session
    inherited_tags = session.transitive_tags if session else ()
    inherited_identity = session.source_identity if session else None
    if inherited_identity:
        context["sts:SourceIdentity"] = inherited_identity
    actions = ["sts:AssumeRole"]
    if call.parameters.get("Tags") or inherited_tags:
        actions.append("sts:TagSession")
    if call.parameters.get("SourceIdentity") or inherited_identity:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        yield Permission(
            action,
            role_arn,
            role_arn.split(":")[4],
            context=context | ({} if role is None else resource_tags(role.tags)),
            resource_policy=None if role is None else role.assume_role_policy_document,
            resource_policy_name=f"trust policy of {role_arn.rpartition('/')[2]}",
            policy_required=True,
            trust=True,
        )
