"""Read what a Terraform plan says will exist, or what exists: resources, and roles with their policies.

The input is the output of `terraform show -json PLAN`:
https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    actions: tuple[str, ...] = ()  # what the plan does with it; empty if what exists is read
    before: Mapping[str, Any] = field(default_factory=dict)  # its values before that

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

    def policy_argument(self, name: str) -> str:
        """Return a policy that the Terraform code states.

        Raises PlanError if the value is known only after apply, or if the code has no such argument:
        Terraform then keeps whatever AWS has.
        """
        value = self.known_text(name)
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
        roles = list(self.of_type("aws_iam_role"))
        created = {_name(role) for role in roles if "create" in role.actions}
        policies: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for policy in self.of_type("aws_iam_role_policy"):
            role_name, name = policy.known_text("role"), policy.known_text("name")
            if role_name in created and "create" not in policy.actions:
                problem = "stays in the state, although its role is created again without it"
                raise PlanError(f"{policy.address} {problem}; replace both")
            text = policy.policy_argument("policy")
            _add_policy(policies[role_name], name, text, policy.address)
        return [_role(role, policies[_name(role)]) for role in roles]


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
        beginnings = tuple(f"{target}{end}" for target in targets for end in (".", "["))
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
        if change.get("after") is None:
            actions = " and ".join(change["actions"])
            raise PlanError(f"the plan does not say what {item['address']} will be: {actions}")
        unknown = change.get("after_unknown") or {}
        configuration = _configuration(root, item["address"])
        yield Resource(
            item["address"],
            item["type"],
            change["after"],
            unknown,
            configuration,
            tuple(change["actions"]),
            change.get("before") or {},
        )


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


def _role(role: Resource, policies: Mapping[str, str]) -> Role:
    for name in ("inline_policy", "managed_policy_arns"):
        _check_computed(role, name)
    return Role(
        name=_name(role),
        path=role.known_value("path") or "/",
        trust=role.policy_argument("assume_role_policy"),
        policies=policies,
    )


def _check_computed(role: Resource, name: str) -> None:
    """Raise PlanError if the role itself decides about policies: each is a resource beside the role.

    Where the code leaves the argument out, Terraform keeps what AWS has, and shows it as unknown for a new
    role. A `dynamic` block looks the same in the plan of a new role, but the resources beside the role then
    replace and remove what it yields. They would not do so after a change of a role that exists.
    https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/iam_role#inline_policy
    """
    if role.configuration is None:
        return
    values, is_unknown = role.values.get(name) or [], _has_unknown(role.unknown.get(name))
    if name in role.configuration:
        raise PlanError(f"{role.address} has {name} in the code; write resources beside the role")
    if "create" in role.actions:
        if values:
            raise PlanError(f"{role.address} would be created with {name}: {values}")
    elif is_unknown or values != (role.before.get(name) or []):
        raise PlanError(f"{name} of {role.address} would change; only resources beside it may")


def _add_policy(policies: dict[str, str], name: str, text: str, address: str) -> None:
    """Add a role's policy. Raises PlanError if the role has one of this name, in any case."""
    if name.lower() in map(str.lower, policies):
        raise PlanError(f"{address} has the name {name}, which another policy of the role has too")
    policies[name] = text


def _has_unknown(unknown: object) -> bool:
    """Return whether any part of a value is known only after apply."""
    if isinstance(unknown, Mapping):
        return any(map(_has_unknown, unknown.values()))
    return any(map(_has_unknown, unknown)) if isinstance(unknown, list) else bool(unknown)


def _name(resource: Resource) -> str:
    if resource.values.get("name") is None:
        raise PlanError(f"the name of {resource.address} is known only after apply")
    return resource.known_text("name")
