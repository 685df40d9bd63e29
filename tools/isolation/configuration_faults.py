"""Find what a root's Terraform code does beside declaring resources: nothing that is not listed here.

A provider decides in which account and with whose keys a plan is applied, and a provisioner, an action
or a data source of another kind can do what no resource in the plan shows. This reads the part
`configuration` of the plan: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.isolation.plan_fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.isolation.plan_reader import Plan

AWS = "registry.terraform.io/hashicorp/aws"
# A part of Terraform, of which the code uses a function alone: every resource has to use AWS.
BUILT_IN = "terraform.io/builtin/terraform"
TOPIC = "configuration"

# A folder beside the root or the module that calls it, or one in modules.
_MODULE = re.compile(r"\./[\w-]+|\.\./[\w-]+|\.\./\.\./modules/[\w-]+")
_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')

PLAN_PARTS = {
    "applyable",
    "checks",
    "complete",
    "configuration",
    "errored",
    "format_version",
    "output_changes",
    "planned_values",
    "prior_state",
    "relevant_attributes",
    "resource_changes",
    "resource_drift",
    "terraform_version",
    "timestamp",
    "variables",
}
MODULE_PARTS = {"module_calls", "outputs", "resources", "variables"}
CALL_PARTS = {"count_expression", "depends_on", "expressions", "for_each_expression"}
CALL_PARTS |= {"module", "source"}
RESOURCE_PARTS = {"address", "count_expression", "depends_on", "expressions", "for_each_expression"}
RESOURCE_PARTS |= {"mode", "name", "provider_config_key", "schema_version", "type"}
PROVIDER_PARTS = {"expressions", "full_name", "name", "version_constraint"}
CHANGES = (
    ["no-op"],
    ["create"],
    ["read"],
    ["update"],
    ["delete"],
    ["delete", "create"],
    ["create", "delete"],
    ["forget"],  # what the plan reader refuses unless it knows the resource
)

Expressions = Mapping[str, Any]


@dataclass(frozen=True)
class Root:
    """What the code of a root may use: data sources, and settings of the provider.

    A setting names what its expression must refer to; a list is a block with these settings.
    """

    data_sources: frozenset[str]
    provider: Mapping[str, Any]
    # Providers of other Regions: their settings, and the resources that may use them.
    aliases: Mapping[str, tuple[Mapping[str, Any], frozenset[str]]] = field(default_factory=dict)


_OPERATIONS_PROVIDER: Mapping[str, Any] = {
    "allowed_account_ids": {"var.operations.account_id"},
    "default_tags": [{"tags": {"var.environment", "var.tags"}}],
    "region": {"var.operations.region"},
}
OPERATIONS = Root(
    data_sources=frozenset({"aws_partition"}),
    provider=_OPERATIONS_PROVIDER,
    aliases={
        "aws.iam_events": (
            {
                **_OPERATIONS_PROVIDER,
                "region": {"local.iam_events_region"},
                "sts_region": {"var.operations.region"},
            },
            frozenset(
                {"aws_cloudwatch_event_rule.forwarded", "aws_cloudwatch_event_target.forwarded"}
            ),
        )
    },
)
CUSTOMER = Root(
    data_sources=frozenset({"aws_kms_key", "aws_partition", "aws_region"}),
    provider={
        "allowed_account_ids": {"var.account_id"},
        "assume_role": [
            {
                "external_id": {"local.stanza.deployer.external_id"},
                "role_arn": {"local.partition", "var.account_id", "var.deployer_role_name"},
            }
        ],
        "default_tags": [
            {
                "tags": {
                    "local.account.tags",
                    "local.stanza.tags",
                    "var.environment",
                    "var.tags",
                    "var.tenant",
                }
            }
        ],
        "region": {"local.account.region", "var.operations.region"},
    },
)


def configuration_faults(plan: Plan, root: Root, subject: str) -> Iterator[Fault]:
    """Yield a fault for each part of the code or of the plan that is not listed in this file."""
    for problem in (
        *_part_problems("the plan", plan.json, PLAN_PARTS),
        *_provider_problems(plan.json["configuration"].get("provider_config") or {}, root),
        *_module_problems("the root module", plan.json["configuration"]["root_module"], root),
        *_instance_problems(plan),
        *_check_problems(plan),
    ):
        yield Fault(subject, TOPIC, problem)


def references(plan: Plan, address: str, argument: str) -> list[str]:
    """Return what the expression of a resource's argument refers to; empty without such code."""
    *modules, type_, name = _INDEX.sub("", address).split(".")
    module = plan.json["configuration"]["root_module"]
    for call in modules[1::2]:
        module = ((module.get("module_calls") or {}).get(call) or {}).get("module") or {}
    for resource in module.get("resources") or ():
        if resource["address"] == f"{type_}.{name}":
            return _references((resource.get("expressions") or {}).get(argument))
    return []


def _references(expression: Any) -> list[str]:  # noqa: ANN401 - an expression, a block or blocks
    named = expression.get("references") if isinstance(expression, Mapping) else None
    return list(named or ())


def _part_problems(owner: str, value: Mapping[str, Any], parts: set[str]) -> Iterator[str]:
    for name in sorted(value.keys() - parts):
        if value[name]:
            yield f"{owner} has {name}, which is not on the list of reviewed parts"


def _provider_problems(providers: Mapping[str, Any], root: Root) -> Iterator[str]:
    if "aws" not in providers:
        yield "the code configures no provider named aws"
    for key, provider in providers.items():
        aliases = dict.fromkeys(root.aliases, AWS)
        full_name = {"aws": AWS, "terraform": BUILT_IN, **aliases}.get(key)
        if full_name is None:
            yield f"the code configures the provider {key}, which is not on the list"
            continue
        if provider.get("full_name") != full_name:
            yield f"the provider {key} is {provider.get('full_name')} instead of {full_name}"
        parts = PROVIDER_PARTS | ({"alias"} if key in root.aliases else set())
        yield from _part_problems(f"the provider {key}", provider, parts)
        expected = root.provider if key == "aws" else root.aliases.get(key, ({},))[0]
        for problem in _setting_problems(provider.get("expressions") or {}, expected):
            yield f"the provider {key} {problem}"


def _setting_problems(settings: Expressions, expected: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the settings of the provider or of a block in it."""
    for name in sorted(settings.keys() - expected.keys()):
        yield f"sets {name}, which is not on the list"
    for name, references_or_blocks in expected.items():
        setting = settings.get(name)
        if setting is None:
            yield f"does not set {name}"
        elif isinstance(references_or_blocks, list):
            blocks = setting if isinstance(setting, list) else [setting]
            if len(blocks) != len(references_or_blocks):
                yield f"has {len(blocks)} blocks {name} instead of {len(references_or_blocks)}"
            for block, expected_block in zip(blocks, references_or_blocks, strict=False):
                for problem in _setting_problems(block, expected_block):
                    yield f"{problem} in {name}"
        else:
            yield from _reference_problems(name, setting, references_or_blocks)


def _reference_problems(name: str, expression: Any, expected: set[str]) -> Iterator[str]:  # noqa: ANN401
    """Compare what an expression refers to; a reference to a part of an object names the object too."""
    named = set(_references(expression))
    prefixes = {text.rsplit(".", count)[0] for text in expected for count in range(3)}
    if not expected <= named or not named <= prefixes:
        found = ", ".join(sorted(named)) or json.dumps(expression)
        yield f"takes {name} from {found} instead of {', '.join(sorted(expected))}"


def _module_problems(owner: str, module: Mapping[str, Any], root: Root) -> Iterator[str]:
    yield from _part_problems(owner, module, MODULE_PARTS)
    for resource in module.get("resources") or ():
        label = f"{resource['address']} in {owner}"
        yield from _part_problems(label, resource, RESOURCE_PARTS)
        key, expected = resource.get("provider_config_key"), _provider_key(resource, root)
        if key != expected:
            yield f"{label} uses the provider {key} instead of {expected}"
        if resource.get("mode") == "data" and resource.get("type") not in root.data_sources:
            yield f"{label} is a data source of a type that is not on the list"
        if resource.get("mode") not in ("data", "managed"):
            yield f"{label} is neither a resource nor a data source"
    for name, call in (module.get("module_calls") or {}).items():
        yield from _part_problems(f"the call of module {name}", call, CALL_PARTS)
        if not _MODULE.fullmatch(str(call.get("source"))):
            yield f"module {name} is {call.get('source')} instead of a folder of this repository"
        yield from _module_problems(f"module {name}", call.get("module") or {}, root)


def _provider_key(resource: Mapping[str, Any], root: Root) -> str:
    """Return the provider that a resource has to use, by its address in its module."""
    keys = (key for key, (_, users) in root.aliases.items() if resource["address"] in users)
    return next(keys, "aws")


def state_instances(plan: Plan) -> Iterator[Mapping[str, Any]]:
    """Yield each resource and data source in the state from which the plan was made."""
    yield from _instances((plan.json.get("prior_state") or {}).get("values") or {})


def _instances(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    modules = [values.get("root_module") or {}]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules") or ()
        yield from module.get("resources") or ()


def _instance_problems(plan: Plan) -> Iterator[str]:
    """Yield what is wrong with resources in the plan and in the state: their providers and changes."""
    planned = {instance["address"] for instance in _instances(plan.json["planned_values"])}
    for instance in (*(plan.json.get("resource_changes") or ()), *state_instances(plan)):
        address = instance["address"]
        if instance.get("provider_name") != AWS:
            yield f"{address} uses {instance.get('provider_name')} instead of {AWS}"
        change = instance.get("change") or {}
        if (
            change
            and change.get("after") is None
            and "deposed" not in instance
            and address in planned
        ):
            yield f"{address} is planned, and resource_changes says that nothing of it will be left"
        if change and instance["mode"] == "data":
            yield f"{address} is read only during the apply; refer to nothing that the apply changes"
        if change and change["actions"] not in CHANGES:
            yield f"the plan would {' and '.join(change['actions'])} {address}"
        if change.get("importing") and not _is_adopted(instance):
            yield (
                f"the plan imports {change['importing'].get('id')} as {address}, which is not what the stanza "
                "names so"
            )


def _check_problems(plan: Plan) -> Iterator[str]:
    """Yield each condition of the code that does not hold; for some of them Terraform only warns.

    https://developer.hashicorp.com/terraform/internals/json-format#checks-representation
    """
    for condition in plan.json.get("checks") or ():
        if condition["status"] in ("fail", "error"):
            name = condition["address"].get("to_display") or "a condition of the code"
            yield f"{name} does not hold; Terraform says why when it plans"


# The arguments that make up the id by which a resource is imported; none where AWS chooses the id. The
# provider reads the object while it plans, so the proof sees all that the object will be.
_IMPORT_IDS: Mapping[str, tuple[str, ...]] = {
    "aws_bedrock_inference_profile": (),
    "aws_cloudwatch_log_group": ("name",),
    "aws_iam_role": ("name",),
    "aws_lambda_alias": ("function_name", "name"),
    "aws_lambda_function": ("function_name",),
    "aws_vpc_endpoint": (),
}


def _is_adopted(instance: Mapping[str, Any]) -> bool:
    """Return whether a plan imports the object that it would otherwise create, found by its computed name."""
    names = _IMPORT_IDS.get(instance.get("type", ""))
    change = instance["change"]
    if names is None or change["actions"] == ["delete"]:
        return False
    planned = change.get("after") or {}
    id_ = change["importing"].get("id")
    return bool(id_) and (not names or id_ == "/".join(str(planned.get(name)) for name in names))
