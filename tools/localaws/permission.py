"""A permission that a call requires, and the condition keys that tags become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ContextKeys = dict[str, str | tuple[str, ...]]
"""Condition keys and their values."""


@dataclass(frozen=True)
class Permission:
    """An action on a resource; a call is authorized when its caller has all permissions it requires.

    ``owner`` is the account of the resource; ``resource_policy`` is the resource's own policy as
    JSON text. With ``policy_required``, identity policies alone never suffice (KMS keys, role trust).
    """

    action: str
    resource: str
    owner: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    resource_policy: str | None = None
    resource_policy_name: str = "resource policy"
    policy_required: bool = False
    trust: bool = False


def tag_map(raw: Any) -> dict[str, str]:  # noqa: ANN401
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


def resource_tags(raw: Any) -> ContextKeys:  # noqa: ANN401
    """``aws:ResourceTag/…`` of a resource with these tags, in any of the shapes that moto uses."""
    tags = tag_map(list(raw.values()) if isinstance(raw, Mapping) else raw)
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
