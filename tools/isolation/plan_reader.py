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

from tools.isolation import structure
from tools.isolation.structure import StructureError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTIONS = {"variables", "planned_values", "configuration"}
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
    # Names of the arguments and static blocks in the Terraform code; None if what exists is read.
    configuration: frozenset[str] | None

    def known_value(self, *path: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return a value; PlanError if it is known only after apply."""
        values, unknown = dict(self.values), dict(self.unknown)
        for name in path[:-1]:
            values, unknown = values.get(name) or {}, unknown.get(name) or {}
        if _has_unknown(unknown.get(path[-1])):
            raise PlanError(f"{'.'.join(path)} of {self.address} is known only after apply")
        return values.get(path[-1])

    def known_text(self, name: str) -> str:
        """Return a value that is a text. Raises PlanError if it is missing or anything else."""
        value = self.known_value(name)
        if not value or not isinstance(value, str):
            raise PlanError(f"{name} of {self.address} is {value!r} instead of text")
        return value

    def policy_argument(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return a policy, or the inline policies of a role, that the Terraform code states.

        Raises PlanError if the value is known only after apply, or if the code has no such argument or
        static block: Terraform then keeps whatever AWS has, or takes what a `dynamic` block yields, which
        the plan's configuration does not contain.
        """
        value = self.known_value(name)
        if self.configuration is not None and name not in self.configuration:
            raise PlanError(f"{self.address} has no {name} in the code; write it there")
        return value


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
        return [_role(role) for role in self.of_type("aws_iam_role")]


def read(
    plan_json: Mapping[str, Any], *, state: bool = False, targets: tuple[str, ...] = ()
) -> Plan:
    """Read what will exist after the plan is applied or, with ``state``, what existed before.

    That state is what Terraform found in AWS when it made the plan, not what the last apply left.
    ``targets`` are the modules to which the plan is limited: it changes nothing else, and of what exists
    only they are read. Raises PlanError if the JSON is not a complete plan, or not a complete one of them.
    """
    if not isinstance(plan_json, Mapping) or not plan_json.keys() >= _SECTIONS:
        raise PlanError("the file is not a plan as printed by `terraform show -json`")
    try:
        structure.check(plan_json, structure.PLAN, "")
        canonical_json = json.dumps(plan_json, sort_keys=True, separators=(",", ":"))
    except StructureError as error:
        raise PlanError(f"the plan cannot be read: {error}") from error
    except RecursionError as error:
        raise PlanError("a part of the plan is nested too deeply to be read") from error
    if plan_json.get("errored") or not (targets or plan_json.get("complete", True)):
        raise PlanError("the plan is incomplete: make a plan without -target and without errors")
    root = plan_json["configuration"]["root_module"]
    resources = _existing_resources(plan_json) if state else _planned_resources(plan_json, root)
    if targets and state:
        beginnings = tuple(f"{target}." for target in targets)
        resources = (item for item in resources if item.address.startswith(beginnings))
    return Plan(
        variables={name: entry.get("value") for name, entry in plan_json["variables"].items()},
        resources=tuple(resources),
        digest=hashlib.sha256(canonical_json.encode()).hexdigest(),
        json=plan_json,
    )


def _planned_resources(plan_json: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Resource]:
    changes = plan_json.get("resource_changes") or ()
    addresses = {item["address"] for item in changes}
    for item in _managed_resources(plan_json["planned_values"]):
        if item["address"] not in addresses:
            raise PlanError(f"{item['address']} is planned, but resource_changes does not have it")
    for item in changes:
        change = item["change"]
        if item["mode"] != "managed" or change["actions"] == ["delete"]:
            continue
        if _is_taken_over(item, plan_json):
            continue
        if change.get("after") is None:
            actions = " and ".join(change["actions"])
            raise PlanError(f"the plan does not say what {item['address']} will be: {actions}")
        unknown = change.get("after_unknown") or {}
        configuration = _configuration(root, item["address"])
        yield Resource(item["address"], item["type"], change["after"], unknown, configuration)


def _is_taken_over(item: Mapping[str, Any], plan_json: Mapping[str, Any]) -> bool:
    """Return whether an inline policy is only forgotten because its role, in the same plan, now states it.

    The role's own blocks decide what the role keeps: an apply removes every other inline policy.
    https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/iam_role#inline_policy
    """
    change = item["change"]
    if item["type"] != "aws_iam_role_policy" or change["actions"] != ["forget"]:
        return False
    roles = {
        (other["change"].get("after") or {}).get("name")
        for other in plan_json["resource_changes"]
        if other["type"] == "aws_iam_role"
    }
    return (change.get("before") or {}).get("role") in roles - {None}


def _existing_resources(plan_json: Mapping[str, Any]) -> Iterator[Resource]:
    for item in _managed_resources((plan_json.get("prior_state") or {}).get("values") or {}):
        yield Resource(item["address"], item["type"], item["values"], {}, None)


def _managed_resources(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the resources of all modules, without data sources."""
    modules = [values.get("root_module") or {}]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules") or ()
        yield from (item for item in module.get("resources") or () if item["mode"] == "managed")


def _configuration(root: Mapping[str, Any], address: str) -> frozenset[str]:
    """Return the arguments and static blocks of a resource in the code; none if the code has no such resource.

    `terraform show -json` leaves `dynamic` blocks out, and writes one expression for each static block.
    """
    *modules, kind, name = _INDEX.sub("", address).split(".")
    module = root
    for call in modules[1::2]:
        module = ((module.get("module_calls") or {}).get(call) or {}).get("module") or {}
    for resource in module.get("resources") or ():
        if resource["address"] == f"{kind}.{name}":
            return frozenset(resource.get("expressions") or ())
    return frozenset()


def _role(role: Resource) -> Role:
    # An argument that is not in the code is unknown in the plan of a new role, and will be empty.
    if role.configuration is None or "managed_policy_arns" in role.configuration:
        role.known_value("managed_policy_arns")
    if arns := role.values.get("managed_policy_arns"):
        raise PlanError(
            f"{role.address} has managed policies whose text is not in the plan: {arns}"
        )
    return Role(
        name=_name(role),
        path=role.known_value("path") or "/",
        trust=_trust(role),
        policies=_inline_policies(role),
    )


def _trust(role: Resource) -> str:
    role.policy_argument("assume_role_policy")
    return role.known_text("assume_role_policy")


def _add_policy(policies: dict[str, str], name: str, text: Any, address: str) -> None:  # noqa: ANN401 - any JSON value
    """Add a role's policy. Raises PlanError if the role has one of this name, in any case."""
    if not isinstance(text, str) or not text:
        raise PlanError(f"the policy {name} of {address} is {text!r} instead of text")
    if name.lower() in map(str.lower, policies):
        raise PlanError(f"{address} has the name {name}, which another policy of the role has too")
    policies[name] = text


def _inline_policies(role: Resource) -> dict[str, str]:
    blocks = role.policy_argument("inline_policy") or []
    try:
        structure.check(blocks, _INLINE_POLICIES, f"inline_policy of {role.address}")
    except StructureError as error:
        raise PlanError(str(error)) from error
    policies: dict[str, str] = {}
    for block in blocks:
        if block.get("policy"):  # an empty block means that there is no inline policy
            name = block.get("name") or ""
            _add_policy(policies, name, block["policy"], role.address)
    return policies


_INLINE_POLICIES: structure.Shape = [{"name?": str, "policy?": str}]


def _has_unknown(unknown: object) -> bool:
    """Return whether any part of a value is known only after apply."""
    if isinstance(unknown, Mapping):
        return any(map(_has_unknown, unknown.values()))
    return any(map(_has_unknown, unknown)) if isinstance(unknown, list) else bool(unknown)


def _name(resource: Resource) -> str:
    if resource.values.get("name") is None:
        raise PlanError(f"the name of {resource.address} is known only after apply")
    return resource.known_text("name")
