"""What a plan says will exist, or exists: resources, and the roles with their policies.

From `terraform show -json PLAN`: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')


class PlanError(ValueError):
    """The plan does not say what would be: it is not whole, or a policy in it is not known yet."""


@dataclass(frozen=True)
class Resource:
    """One resource; ``unknown`` mirrors ``values`` with true for what only apply will tell."""

    address: str
    type: str
    values: Mapping[str, Any]
    unknown: Mapping[str, Any]
    configured: frozenset[str]  # the arguments and blocks that the code gives

    def known(self, *path: str) -> Any:  # noqa: ANN401 - any JSON value
        """A value that must be known now; raises PlanError where it is not."""
        found, unknown = dict(self.values), dict(self.unknown)
        for name in path[:-1]:
            found, unknown = found.get(name) or {}, unknown.get(name) or {}
        if _hides(unknown.get(path[-1])):
            raise PlanError(f"{'.'.join(path)} of {self.address} is known only after apply")
        return found.get(path[-1])


@dataclass(frozen=True)
class Role:
    """An IAM role with its policies, as JSON texts by their names."""

    address: str
    name: str
    path: str
    trust: str
    policies: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """One root as it will be, or is."""

    variables: Mapping[str, Any]
    resources: tuple[Resource, ...]
    digest: str  # SHA-256 of the plan's JSON with sorted keys

    def of_type(self, kind: str) -> Iterator[Resource]:
        """The resources of one type."""
        return (resource for resource in self.resources if resource.type == kind)

    def roles(self) -> list[Role]:
        """Every role; raises PlanError where a policy is not in the plan or comes from elsewhere."""
        attached: dict[str, dict[str, str]] = {}
        for policy in self.of_type("aws_iam_role_policy"):
            of_role = attached.setdefault(policy.known("role"), {})
            of_role[_named(policy)] = policy.known("policy")
        found = [_role(role, attached) for role in self.of_type("aws_iam_role")]
        for lost in sorted(attached.keys() - {role.name for role in found}):
            raise PlanError(f"a policy is attached to {lost}, a role that is not in the plan")
        return found


def read(shown: Mapping[str, Any], *, state: bool = False) -> Plan:
    """What will exist once the plan is applied or, with ``state``, what exists before; raises PlanError.

    The state in a plan is as AWS was found to be when it was made, not as it was last applied.
    """
    if not {"variables", "planned_values", "configuration"} <= shown.keys():
        raise PlanError("this is not what `terraform show -json` prints of a plan")
    if shown.get("errored") or not shown.get("complete", True):
        raise PlanError("the plan is not whole: make it without -target, and without an error")
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    root = shown["configuration"]["root_module"]
    resources = _existing(shown, root) if state else _planned(shown, root)
    return Plan(
        variables={name: given.get("value") for name, given in shown["variables"].items()},
        resources=tuple(resources),
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _planned(shown: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Resource]:
    for item in shown.get("resource_changes", ()):
        change = item["change"]
        if item["mode"] != "managed" or change["actions"] == ["delete"]:
            continue
        if change["after"] is None:
            actions = " and ".join(change["actions"])
            raise PlanError(f"the plan does not say what {item['address']} will be: {actions}")
        unknown = change.get("after_unknown") or {}
        configured = _configured(root, item["address"])
        yield Resource(item["address"], item["type"], change["after"], unknown, configured)


def _existing(shown: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Resource]:
    state = shown.get("prior_state", {}).get("values", {})
    folders = [state.get("root_module", {})]
    while folders:
        folder = folders.pop()
        folders += folder.get("child_modules", ())
        for item in folder.get("resources", ()):
            if item["mode"] == "managed":
                configured = _configured(root, item["address"])
                yield Resource(item["address"], item["type"], item["values"], {}, configured)


def _configured(root: Mapping[str, Any], address: str) -> frozenset[str]:
    """What the code gives the resource; everything where the code no longer has it."""
    *modules, kind, name = _INDEX.sub("", address).split(".")
    module = root
    for called in modules[1::2]:
        module = module.get("module_calls", {}).get(called, {}).get("module", {})
    for resource in module.get("resources", ()):
        if resource["address"] == f"{kind}.{name}":
            return frozenset(resource.get("expressions", ()))
    return frozenset({"inline_policy", "managed_policy_arns"})


def _role(role: Resource, attached: Mapping[str, Mapping[str, str]]) -> Role:
    # What the code leaves out is unknown before a role is made, and is then none.
    if "managed_policy_arns" in role.configured:
        role.known("managed_policy_arns")
    if managed := role.values.get("managed_policy_arns"):
        raise PlanError(
            f"{role.address} has managed policies, which the plan does not hold: {managed}"
        )
    inline: dict[str, str] = {}
    if "inline_policy" in role.configured and role.unknown.get("inline_policy") is True:
        raise PlanError(f"inline_policy of {role.address} is known only after apply")
    blocks = role.values.get("inline_policy") or []
    unknown = role.unknown.get("inline_policy")
    hidden = unknown if isinstance(unknown, list) else [{}] * len(blocks)
    for block, its in zip(blocks, hidden, strict=True):
        if _hides(its):
            raise PlanError(f"an inline policy of {role.address} is known only after apply")
        if block.get("policy"):  # an empty block says that there is none
            inline[block["name"]] = block["policy"]
    name = _named(role)
    return Role(
        address=role.address,
        name=name,
        path=role.known("path") or "/",
        trust=role.known("assume_role_policy"),
        # A policy of its own comes instead of what the role was found to have by that name.
        policies={**inline, **attached.get(name, {})},
    )


def _hides(unknown: object) -> bool:
    """Whether anything in it is only told by apply."""
    if isinstance(unknown, Mapping):
        return any(map(_hides, unknown.values()))
    return any(map(_hides, unknown)) if isinstance(unknown, list) else bool(unknown)


def _named(resource: Resource) -> str:
    name = resource.known("name")
    if not name:
        raise PlanError(f"the name of {resource.address} is known only after apply")
    return str(name)
