"""Read what a Terraform plan says will exist, or what exists: resources, and roles with their policies.

The input is the output of `terraform show -json PLAN`:
https://developer.hashicorp.com/terraform/internals/json-format
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
    """The plan is incomplete, or a policy in it is not known yet."""


@dataclass(frozen=True)
class Resource:
    """A resource; ``unknown`` mirrors ``values``, with true for each value that is known after apply."""

    address: str
    type: str
    values: Mapping[str, Any]
    unknown: Mapping[str, Any]
    configuration: frozenset[str]  # names of the arguments and blocks in the Terraform code

    def known_value(self, *path: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return a value. Raises PlanError if it is known only after apply."""
        values, unknown = dict(self.values), dict(self.unknown)
        for name in path[:-1]:
            values, unknown = values.get(name) or {}, unknown.get(name) or {}
        if _has_unknown(unknown.get(path[-1])):
            raise PlanError(f"{'.'.join(path)} of {self.address} is known only after apply")
        return values.get(path[-1])


@dataclass(frozen=True)
class Role:
    """An IAM role with its policies, which are JSON texts by name."""

    name: str
    path: str
    trust: str
    policies: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """The planned or the existing resources of one root."""

    variables: Mapping[str, Any]
    resources: tuple[Resource, ...]
    digest: str  # SHA-256 of the plan's JSON with sorted keys
    json: Mapping[str, Any]  # the whole plan

    def of_type(self, type_: str) -> Iterator[Resource]:
        """Return the resources of one type."""
        return (resource for resource in self.resources if resource.type == type_)

    def roles(self) -> list[Role]:
        """Return every role. Raises PlanError if a role's policy is unknown or not in the plan."""
        policies: dict[str, dict[str, str]] = {}
        for policy in self.of_type("aws_iam_role_policy"):
            of_role = policies.setdefault(policy.known_value("role"), {})
            of_role[_name(policy)] = policy.known_value("policy")
        roles = [_role(role, policies) for role in self.of_type("aws_iam_role")]
        for name in sorted(policies.keys() - {role.name for role in roles}):
            raise PlanError(f"a policy is attached to the role {name}, which is not in the plan")
        return roles


def read(plan_json: Mapping[str, Any], *, state: bool = False) -> Plan:
    """Read what will exist after the plan is applied or, with ``state``, what existed before.

    That state is what Terraform found in AWS when it made the plan, not what the last apply left.
    Raises PlanError if the JSON is not a complete plan.
    """
    if not {"variables", "planned_values", "configuration"} <= plan_json.keys():
        raise PlanError("the file is not a plan as printed by `terraform show -json`")
    if plan_json.get("errored") or not plan_json.get("complete", True):
        raise PlanError("the plan is incomplete: make a plan without -target and without errors")
    canonical_json = json.dumps(plan_json, sort_keys=True, separators=(",", ":"))
    root = plan_json["configuration"]["root_module"]
    resources = (
        _existing_resources(plan_json, root) if state else _planned_resources(plan_json, root)
    )
    return Plan(
        variables={name: entry.get("value") for name, entry in plan_json["variables"].items()},
        resources=tuple(resources),
        digest=hashlib.sha256(canonical_json.encode()).hexdigest(),
        json=plan_json,
    )


def _planned_resources(plan_json: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Resource]:
    for item in plan_json.get("resource_changes", ()):
        change = item["change"]
        if item["mode"] != "managed" or change["actions"] == ["delete"]:
            continue
        if change["after"] is None:
            actions = " and ".join(change["actions"])
            raise PlanError(f"the plan does not say what {item['address']} will be: {actions}")
        unknown = change.get("after_unknown") or {}
        configuration = _configuration(root, item["address"])
        yield Resource(item["address"], item["type"], change["after"], unknown, configuration)


def _existing_resources(
    plan_json: Mapping[str, Any], root: Mapping[str, Any]
) -> Iterator[Resource]:
    state = plan_json.get("prior_state", {}).get("values", {})
    modules = [state.get("root_module", {})]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", ())
        for item in module.get("resources", ()):
            if item["mode"] == "managed":
                configuration = _configuration(root, item["address"])
                yield Resource(item["address"], item["type"], item["values"], {}, configuration)


def _configuration(root: Mapping[str, Any], address: str) -> frozenset[str]:
    """Return the arguments in the code; every policy argument if the code has no such resource."""
    *modules, kind, name = _INDEX.sub("", address).split(".")
    module = root
    for call in modules[1::2]:
        module = module.get("module_calls", {}).get(call, {}).get("module", {})
    for resource in module.get("resources", ()):
        if resource["address"] == f"{kind}.{name}":
            return frozenset(resource.get("expressions", ()))
    return frozenset({"inline_policy", "managed_policy_arns"})


def _role(role: Resource, policies: Mapping[str, Mapping[str, str]]) -> Role:
    # An argument that is not in the code is unknown in the plan of a new role, and will be empty.
    if "managed_policy_arns" in role.configuration:
        role.known_value("managed_policy_arns")
    if arns := role.values.get("managed_policy_arns"):
        raise PlanError(
            f"{role.address} has managed policies whose text is not in the plan: {arns}"
        )
    name = _name(role)
    return Role(
        name=name,
        path=role.known_value("path") or "/",
        trust=role.known_value("assume_role_policy"),
        # A policy resource replaces the existing inline policy of the same name.
        policies={**_inline_policies(role), **policies.get(name, {})},
    )


def _inline_policies(role: Resource) -> dict[str, str]:
    unknown = role.unknown.get("inline_policy")
    if "inline_policy" in role.configuration and unknown is True:
        raise PlanError(f"inline_policy of {role.address} is known only after apply")
    blocks = role.values.get("inline_policy") or []
    flags = unknown if isinstance(unknown, list) else [{}] * len(blocks)
    policies: dict[str, str] = {}
    for block, flag in zip(blocks, flags, strict=True):
        if _has_unknown(flag):
            raise PlanError(f"an inline policy of {role.address} is known only after apply")
        if block.get("policy"):  # an empty block means that there is no inline policy
            policies[block["name"]] = block["policy"]
    return policies


def _has_unknown(unknown: object) -> bool:
    """Return whether any part of a value is known only after apply."""
    if isinstance(unknown, Mapping):
        return any(map(_has_unknown, unknown.values()))
    return any(map(_has_unknown, unknown)) if isinstance(unknown, list) else bool(unknown)


def _name(resource: Resource) -> str:
    name = resource.known_value("name")
    if not name:
        raise PlanError(f"the name of {resource.address} is known only after apply")
    return str(name)
