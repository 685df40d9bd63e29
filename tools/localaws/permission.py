"""What a check is, and what it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.localaws.bedrock.inference_profiles import InferenceProfiles
    from tools.localaws.call import Call
    from tools.localaws.sts.sessions import RoleSession

Values = dict[str, str | tuple[str, ...]]
"""Condition keys and what they are."""


@dataclass(frozen=True)
class Check:
    """One thing the caller must be allowed; a call is done when all its checks pass.

    ``owner`` is the account of the resource; ``resource_policy`` its own policy as JSON text.
    ``policy_required`` says that identity policies alone never suffice (KMS keys, role trust).
    """

    action: str
    resource: str
    owner: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    resource_policy: str | None = None
    resource_policy_name: str = "resource policy"
    policy_required: bool = False
    trust: bool = False


@dataclass(frozen=True)
class Asked:
    """A call, and what its resources' names are made from."""

    call: Call
    partition: str
    profiles: InferenceProfiles
    session: RoleSession | None = None

    def arn(self, service: str, path: str, *, region: str | None = None) -> str:
        """An ARN in the caller's account and Region."""
        where = self.call.region if region is None else region
        return f"arn:{self.partition}:{service}:{where}:{self.call.account}:{path}"

    def parameter(self, *names: str) -> str:
        """The first of these parameters that was given, or an empty text."""
        return next(
            (str(self.call.parameters[n]) for n in names if self.call.parameters.get(n)), ""
        )


def tags_of(raw: Any) -> dict[str, str]:  # noqa: ANN401
    """Tags as a map, from a map or from a list of Key/Value objects."""
    if isinstance(raw, Mapping):
        return {str(key): str(value) for key, value in raw.items()}
    tags = {}
    for tag in raw if isinstance(raw, list) else []:
        fields = {str(name).lower(): str(value) for name, value in tag.items()}
        tags[fields.get("key", fields.get("tagkey", ""))] = fields.get(
            "value", fields.get("tagvalue", "")
        )
    return tags


def resource_tags(raw: Any) -> Values:  # noqa: ANN401
    """``aws:ResourceTag/…`` of a resource with these tags, in any of moto's shapes."""
    tags = tags_of(list(raw.values()) if isinstance(raw, Mapping) else raw)
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
