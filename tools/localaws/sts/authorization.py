"""STS: a role's trust policy decides, with what the caller says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import find_role
from tools.localaws.permission import Asked, Check, Values, resource_tags

if TYPE_CHECKING:
    from collections.abc import Iterator


def sts(asked: Asked) -> Iterator[Check]:
    """Checks of AssumeRole and what comes with it; other operations of STS are refused."""
    call = asked.call
    if call.operation != "AssumeRole":
        message = f"The local AWS does not do sts:{call.operation}."
        raise ServiceError("AccessDenied", message, status=403)
    role_arn = asked.parameter("RoleArn")
    owner, role = find_role(role_arn)
    context: Values = {
        "sts:RoleSessionName": asked.parameter("RoleSessionName"),
    }
    for key, name in (("sts:ExternalId", "ExternalId"), ("sts:SourceIdentity", "SourceIdentity")):
        if call.parameters.get(name):
            context[key] = asked.parameter(name)
    if call.parameters.get("TransitiveTagKeys"):
        context["sts:TransitiveTagKeys"] = tuple(call.parameters["TransitiveTagKeys"])
    # What a session hands down to the next, the next role must take as if it were asked for:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
    inherited_tags = asked.session.transitive_tags if asked.session else ()
    inherited_identity = asked.session.source_identity if asked.session else None
    if inherited_identity:
        context["sts:SourceIdentity"] = inherited_identity
    actions = ["sts:AssumeRole"]
    if call.parameters.get("Tags") or inherited_tags:
        actions.append("sts:TagSession")
    if call.parameters.get("SourceIdentity") or inherited_identity:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        yield Check(
            action,
            role_arn,
            owner,
            context=context | ({} if role is None else resource_tags(role.tags)),
            resource_policy=None if role is None else role.assume_role_policy_document,
            resource_policy_name=f"trust policy of {role_arn.rpartition('/')[2]}",
            policy_required=True,
            trust=True,
        )
