"""Mutants of a plan: each changes one thing beside the policies, which mutants.py changes.

Each entry of MUTANTS has the root whose plan it changes, and the change, which edits the plan in place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Change = Callable[[Json], None]

EVERYTHING = "everything 666666666666"  # with a VPC, endpoints, masking, readers and snapshots
FOREIGN = "999999999998"
LITTLE = "acme 222222222222"  # without most options
VICTIM = "arn:aws:iam::222222222222:user/auditor"
OPERATIONS_ROLE = 'module.operations_role["everything"].aws_iam_role.this'
GRANTS = 'module.operations_role["everything"].aws_iam_role_policy.grants'
INLINE_POLICIES = 'module.operations_role["everything"].aws_iam_role_policies_exclusive.this'
_EVERYTHING = 'module.operations_role["everything"].aws_bedrock_inference_profile.tracked'
PROFILE = f'{_EVERYTHING}["claude/eu.anthropic.claude-sonnet-4-20250514-v1:0"]'
_CHANGING = 'module.operations_role["changing"].aws_bedrock_inference_profile.tracked'
CURRENT_PROFILE = f'{_CHANGING}["claude/eu.anthropic.claude-sonnet-4-20250514-v1:0"]'
PREVIOUS_PROFILE = f'{_CHANGING}["claude/global.anthropic.claude-haiku-4-5-20251001-v1:0"]'
WORKLOAD = "module.customer_workload"
ALIAS = f"{WORKLOAD}.aws_lambda_alias.live[0]"
EXECUTION = f"{WORKLOAD}.aws_iam_role.execution[0]"
ATTACHED = f"{WORKLOAD}.aws_iam_role_policy_attachments_exclusive.execution[0]"
GUARD = "module.operations_guard[0]"
GUARD_ALARM = f'{GUARD}.aws_cloudwatch_metric_alarm.this["silent"]'
GUARD_DENIAL = f'{GUARD}.aws_iam_policy.denial["quota"]'
GUARD_FUNCTION = f'{GUARD}.aws_lambda_function.this["guard"]'
GUARD_POLICIES = f'{GUARD}.aws_iam_role_policy_attachments_exclusive.this["guard"]'
ACCESS_RULE = f'{GUARD}.aws_cloudwatch_event_rule.access["roles"]'
ACCESS_TARGET = f'{GUARD}.aws_cloudwatch_event_target.access["roles"]'
FORWARDED_RULE = 'aws_cloudwatch_event_rule.forwarded["roles"]'
FORWARDED_TARGET = 'aws_cloudwatch_event_target.forwarded["roles"]'
TOPIC_POLICY = f"{GUARD}.aws_sns_topic_policy.this"
GUARD_TOPIC = f"{GUARD}.aws_sns_topic.this"
LEASE = "aws_scheduler_schedule.lease[0]"
QUOTAS = "aws_scheduler_schedule.quotas[0]"
FUNCTION = f"{WORKLOAD}.aws_lambda_function.this[0]"
FUNCTION_LOG = f"{WORKLOAD}.aws_cloudwatch_log_group.function"
LOGS_ENDPOINT = f'{WORKLOAD}.aws_vpc_endpoint.this["logs"]'
MASKING = f'{WORKLOAD}.aws_cloudwatch_log_data_protection_policy.this["records"]'
READER = f'{WORKLOAD}.aws_iam_role_policy.reader["reader"]'
RECORDS = f"{WORKLOAD}.aws_cloudwatch_log_group.records"


@dataclass(frozen=True)
class Mutant:
    """A change of the plan of one root."""

    root: str
    change: Change


def item(plan: Json, address: str) -> Json:
    """Return a resource of the plan."""
    matches: list[Json] = [r for r in plan["resource_changes"] if r["address"] == address]
    (match,) = matches
    return match


def after(plan: Json, address: str) -> Json:
    """Return what a resource will be."""
    values: Json = item(plan, address)["change"]["after"]
    return values


def setting(address: str, **arguments: Any) -> Change:  # noqa: ANN401 - any JSON value
    """Set arguments of a resource to known values."""

    def change(plan: Json) -> None:
        after(plan, address).update(arguments)
        for name in arguments:
            item(plan, address)["change"]["after_unknown"].pop(name, None)

    return change


def unknown(address: str, argument: str) -> Change:
    """Let an argument be known only after apply."""

    def change(plan: Json) -> None:
        after(plan, address).pop(argument, None)
        item(plan, address)["change"]["after_unknown"][argument] = True

    return change


def stays(address: str) -> Change:
    """Let the plan keep a resource as it is."""

    def change(plan: Json) -> None:
        item(plan, address)["change"]["actions"] = ["no-op"]

    return change


def sharded(plan: Json) -> None:
    """Let the plan be of the first of two shards, of which the tenants of the second are no part."""
    plan["variables"]["operations"]["value"]["shards"] = 2


def without(address: str) -> Change:
    """Leave a resource out."""

    def change(plan: Json) -> None:
        plan["resource_changes"].remove(item(plan, address))
        modules = [plan["planned_values"]["root_module"]]
        while modules:
            module = modules.pop()
            modules += module.get("child_modules", [])
            resources = module.get("resources", [])
            resources[:] = [resource for resource in resources if resource["address"] != address]

    return change


def instance_of(address: str, key: str) -> str:
    """Return the address of another instance of a resource."""
    resource = re.sub(r"\[[^]]*\]$", "", address)
    return f'{resource}["{key}"]'


def twice(address: str) -> Change:
    """Plan a resource once more, under another address."""

    def change(plan: Json) -> None:
        copy = json.loads(json.dumps(item(plan, address)))
        plan["resource_changes"].append({**copy, "address": instance_of(address, "again")})

    return change


def renamed(address: str, **names: str) -> Change:
    """Plan another resource of the same kind, with another name."""

    def change(plan: Json) -> None:
        copy = json.loads(json.dumps(item(plan, address)))
        copy["address"] = instance_of(address, "other")
        copy["change"]["after"].update(names)
        plan["resource_changes"].append(copy)

    return change


def adding(type_: str, **arguments: Any) -> Change:  # noqa: ANN401 - any JSON value
    """Plan a resource of another type."""

    def change(plan: Json) -> None:
        plan["resource_changes"].append(
            {
                "address": f"{WORKLOAD}.{type_}.other",
                "mode": "managed",
                "type": type_,
                "name": "other",
                "provider_name": "registry.terraform.io/hashicorp/aws",
                "change": {"actions": ["create"], "after": arguments, "after_unknown": {}},
            }
        )

    return change


def masking_with(edit: Callable[[Json], None]) -> Change:
    """Edit the policy that masks the records."""

    def change(plan: Json) -> None:
        document = json.loads(after(plan, MASKING)["policy_document"])
        edit(document)
        after(plan, MASKING)["policy_document"] = json.dumps(document)

    return change


def settings_with(**settings: Any) -> Change:  # noqa: ANN401 - any JSON value
    """Change settings of the function."""

    def change(plan: Json) -> None:
        variables = after(plan, FUNCTION)["environment"][0]["variables"]
        text = json.loads(variables["TENANT_BEDROCK"]) | settings
        variables["TENANT_BEDROCK"] = json.dumps(text)

    return change


def block_with(address: str, block: str, **arguments: Any) -> Change:  # noqa: ANN401 - any JSON value
    """Change arguments of a block."""

    def change(plan: Json) -> None:
        after(plan, address)[block][0].update(arguments)

    return change


def attached(arn: str) -> Change:
    """Let a role that exists have a policy that somebody attached beside Terraform."""

    def change(plan: Json) -> None:
        change_of = item(plan, OPERATIONS_ROLE)["change"]
        change_of["after"]["managed_policy_arns"] = [arn]
        change_of["after_unknown"].pop("managed_policy_arns", None)
        change_of |= {"actions": ["no-op"], "before": {**change_of["after"]}}
        # A policy beside a role that exists is one that exists.
        item(plan, GRANTS)["change"]["actions"] = ["no-op"]

    return change


def quota_input_with(**limits: float | None) -> Change:
    """Change limits of initech in what the schedule tells the guard; None removes one."""

    def change(plan: Json) -> None:
        target = after(plan, QUOTAS)["target"][0]
        text = json.loads(target["input"])
        tenant = text["tenants"]["initech"]
        merged = {**tenant["limits"], **limits}
        tenant["limits"] = {name: limit for name, limit in merged.items() if limit is not None}
        target["input"] = json.dumps(text)

    return change


def unlimited_tenant(plan: Json) -> None:
    """Leave a tenant out of what the schedule tells the guard."""
    target = after(plan, QUOTAS)["target"][0]
    text = json.loads(target["input"])
    del text["tenants"]["initech"]
    target["input"] = json.dumps(text)


def policy_of_topic(plan: Json) -> None:
    """Let the code give the topic a policy."""
    setting(GUARD_TOPIC, policy="{}")(plan)
    guard = root_module(plan)["module_calls"]["operations_guard"]["module"]
    (topic,) = [each for each in guard["resources"] if each["type"] == "aws_sns_topic"]
    topic["expressions"]["policy"] = {"constant_value": "{}"}


def matching_more(address: str, *, without: str) -> Change:
    """Leave a member out of what a rule matches of an event, so that it matches more."""

    def change(plan: Json) -> None:
        pattern = json.loads(after(plan, address)["event_pattern"])
        del pattern["detail"][without]
        after(plan, address)["event_pattern"] = json.dumps(pattern)

    return change


def telling(placeholder: str, **paths: str) -> Change:
    """Let the sentence about a changed role say more of the event."""

    def change(plan: Json) -> None:
        (transformer,) = after(plan, ACCESS_TARGET)["input_transformer"]
        transformer["input_paths"] |= paths
        transformer["input_template"] = f'"<event> of <subject>: <{placeholder}>"'

    return change


def other_account_of_the_alias(plan: Json) -> None:
    """Let the provider for the Region of IAM's events work in any account."""
    alias = plan["configuration"]["provider_config"]["aws.iam_events"]
    del alias["expressions"]["allowed_account_ids"]


def role_of_the_alias(plan: Json) -> None:
    """Let the provider for the Region of IAM's events make a resource that is not a rule of it."""
    module = root_module(plan)["module_calls"]["operations_guard"]["module"]
    (topic,) = [each for each in module["resources"] if each["type"] == "aws_sns_topic"]
    topic["provider_config_key"] = "aws.iam_events"


def stanza_of(plan: Json, tenant: str) -> Json:
    """Return a tenant's stanza among the plan's variables."""
    stanza: Json = plan["variables"]["tenants"]["value"][tenant]
    return stanza


def stanza_with(tenant: str, **keys: Any) -> Change:  # noqa: ANN401 - any HCL value
    """Change keys of a stanza."""

    def change(plan: Json) -> None:
        stanza_of(plan, tenant).update(keys)

    return change


def account_with(tenant: str, account: str, **keys: Any) -> Change:  # noqa: ANN401 - any HCL value
    """Change keys of one account in a stanza."""

    def change(plan: Json) -> None:
        stanza_of(plan, tenant)["accounts"][account].update(keys)

    return change


def handover_with(**keys: Any) -> Change:  # noqa: ANN401 - any JSON value
    """Change keys of the hand-over of hooli."""

    def change(plan: Json) -> None:
        plan["output_changes"]["handover"]["after"]["hooli"].update(keys)

    return change


def customers_deployer(plan: Json) -> None:
    """Let a role of a customer's account deploy to all customers."""
    role = "arn:aws:iam::222222222222:role/ci"
    plan["variables"]["operations"]["value"]["deployment_principals"] = [role]


def package_of_a_variable(plan: Json) -> None:
    """Take the function's code from a zip that `make package` does not build."""
    plan["variables"]["package_path"] = {"value": "../../build/other.zip"}
    after(plan, FUNCTION)["filename"] = "../../build/other.zip"


def unknown_handover(plan: Json) -> None:
    """Let all hand-overs be known only after apply."""
    plan["output_changes"]["handover"] |= {"after": None, "after_unknown": True}


def provider_with(**settings: Any) -> Change:  # noqa: ANN401 - any JSON value
    """Change settings of the provider; None removes one."""

    def change(plan: Json) -> None:
        expressions = plan["configuration"]["provider_config"]["aws"]["expressions"]
        plan["configuration"]["provider_config"]["aws"]["expressions"] = {
            name: value for name, value in {**expressions, **settings}.items() if value is not None
        }

    return change


def root_module(plan: Json) -> Json:
    """Return the code of the root module."""
    module: Json = plan["configuration"]["root_module"]
    return module


def module_of(plan: Json) -> Json:
    """Return the code of the module customer-workload."""
    module: Json = root_module(plan)["module_calls"]["customer_workload"]["module"]
    return module


def second_provider(plan: Json) -> None:
    """Configure another provider of AWS under an alias."""
    aws = plan["configuration"]["provider_config"]["aws"]
    plan["configuration"]["provider_config"]["aws.other"] = {**aws, "alias": "other"}


def foreign_provider(plan: Json) -> None:
    """Take the provider from another registry."""
    address = "registry.terraform.io/stranger/aws"
    plan["configuration"]["provider_config"]["aws"]["full_name"] = address


def foreign_part_of_terraform(plan: Json) -> None:
    """Take the provider that is a part of Terraform from a registry."""
    address = "registry.terraform.io/stranger/terraform"
    plan["configuration"]["provider_config"]["terraform"]["full_name"] = address


def state_of_others(plan: Json) -> None:
    """Read another state by the provider that is a part of Terraform."""
    data_source("terraform_remote_state")(plan)
    root_module(plan)["resources"][-1]["provider_config_key"] = "terraform"


def resource_of_other_provider(plan: Json) -> None:
    """Let one resource have another provider."""
    item(plan, RECORDS)["provider_name"] = "registry.terraform.io/stranger/aws"


def provisioner(plan: Json) -> None:
    """Run a program when a resource is created."""
    provisioners = [{"type": "local-exec", "expressions": {"command": {"constant_value": "true"}}}]
    module_of(plan)["resources"][0]["provisioners"] = provisioners


def data_source(type_: str) -> Change:
    """Read a data source of another type."""

    def change(plan: Json) -> None:
        root_module(plan).setdefault("resources", []).append(
            {
                "address": f"data.{type_}.other",
                "mode": "data",
                "type": type_,
                "name": "other",
                "provider_config_key": "aws",
                "expressions": {},
                "schema_version": 0,
            }
        )

    return change


def module_from(source: str) -> Change:
    """Take the module from elsewhere."""

    def change(plan: Json) -> None:
        root_module(plan)["module_calls"]["customer_workload"]["source"] = source

    return change


def changes_of(plan: Json, address: str, actions: list[str], **rest: Any) -> Json:  # noqa: ANN401 - any JSON value
    """Add a resource that the plan has nothing else about, and return its entry."""
    *_, type_, _name = address.split(".")
    entry = {
        "address": address,
        "mode": "data" if ".data." in f".{address}" else "managed",
        "type": type_,
        "name": "other",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {"actions": actions, **rest},
    }
    plan["resource_changes"].append(entry)
    return entry


def deletes_old_records(plan: Json) -> None:
    """Delete a log group whose state does not say that its events stay."""
    before = {"name": "/bedrock/local/old/records", "skip_destroy": False}
    changes_of(plan, f"{WORKLOAD}.aws_cloudwatch_log_group.old", ["delete"], before=before)


def reads_during_apply(plan: Json) -> None:
    """Read the customer's key once more, when the rest of the plan is applied."""
    after = {"key_id": "alias/bedrock-local-everything"}
    changes_of(plan, "data.aws_kms_key.records", ["read"], after=after, after_unknown={"arn": True})


def failed_condition(plan: Json) -> None:
    """Let a condition that the code states not hold."""
    plan["checks"][0]["status"] = "fail"


def deleted_and_planned(plan: Json) -> None:
    """Let one part of the plan delete a resource that another part has."""
    address = f"{WORKLOAD}.aws_lambda_function_url.other"
    entry = changes_of(plan, address, ["delete"])
    planned = {name: entry[name] for name in ("address", "mode", "type", "provider_name")}
    root = plan["planned_values"]["root_module"]
    root.setdefault("resources", []).append({**planned, "values": {}})


def part(name: str, value: Any) -> Change:  # noqa: ANN401 - any JSON value
    """Add a part to the plan."""

    def change(plan: Json) -> None:
        plan[name] = value

    return change


def imported(plan: Json) -> None:
    """Import another tenant's log group."""
    item(plan, RECORDS)["change"]["importing"] = {"id": "/bedrock/local/globex/records"}


def forgotten(plan: Json) -> None:
    """Replace a role and leave the old one in AWS."""
    item(plan, EXECUTION)["change"]["actions"] = ["create", "forget"]


CUSTOMER_KEY = "arn:aws:kms:eu-central-1:666666666666:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def read_customer_key(plan: Json, arn: str, **changes: Any) -> None:  # noqa: ANN401 - any JSON value
    """Add the customer's key as the data source reads it, with these differences."""
    root = plan.setdefault("prior_state", {}).setdefault("values", {}).setdefault("root_module", {})
    values = {
        "arn": arn,
        "aws_account_id": arn.split(":")[4],
        "deletion_date": "",
        "enabled": True,
        "key_id": f"alias/bedrock-local-{plan['variables']['tenant']['value']}",
        "key_manager": "CUSTOMER",
        "key_state": "Enabled",
        "key_usage": "ENCRYPT_DECRYPT",
        "multi_region": False,
        "origin": "AWS_KMS",
        **changes,
    }
    root.setdefault("resources", []).append(
        {
            "address": "data.aws_kms_key.records[0]",
            "mode": "data",
            "type": "aws_kms_key",
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "values": values,
        }
    )


def customer_key_with(**changes: Any) -> Change:  # noqa: ANN401 - any JSON value
    """Let the data source read these differences of the customer's key."""

    def change(plan: Json) -> None:
        _customer_key(plan)["values"].update(changes)

    return change


def no_customer_key(plan: Json) -> None:
    """Do not look up the customer's key."""
    plan["prior_state"]["values"]["root_module"]["resources"].remove(_customer_key(plan))


def _customer_key(plan: Json) -> Json:
    resources: list[Json] = plan["prior_state"]["values"]["root_module"]["resources"]
    return next(resource for resource in resources if resource["type"] == "aws_kms_key")


_READERS = {
    "a reader is another tenant's user": VICTIM,
    "a reader is in an account that nobody lists": f"arn:aws:iam::{FOREIGN}:role/auditor",
    "a reader is the inspector": (
        "arn:aws:iam::666666666666:role/bedrock-local-everything-inspector"
    ),
    "a reader is the deployer": "arn:aws:iam::666666666666:role/terraform-deployer",
    "a reader is in another partition": "arn:aws-cn:iam::666666666666:user/auditor",
    "a reader is a whole account": "arn:aws:iam::666666666666:root",
}
_VPC = {
    "id": "vpc-0123456789abcdef0",
    "security_group_ids": ["sg-9"],
    "subnet_ids": ["subnet-9"],
}

MUTANTS: dict[str, Mutant] = {
    # Separate tenants
    "two tenants have one ExternalId": Mutant(
        "operations", stanza_with("hooli", external_ids={"current": "everything-current"})
    ),
    "two tenants' deployers have one ExternalId": Mutant(
        "operations",
        stanza_with("hooli", deployer={"external_id": "hooli-labs-deployer-external-id"}),
    ),
    "two tenants have one account": Mutant(
        "operations", stanza_with("hooli", accounts={"666666666666": {}})
    ),
    "a previous ExternalId is another tenant's": Mutant(
        "operations",
        stanza_with(
            "hooli",
            external_ids={"current": "hooli-current-external-id", "previous": "everything-current"},
        ),
    ),
    "the operations account is a customer account": Mutant(
        "operations", stanza_with("hooli", accounts={"111111111111": {}})
    ),
    # Named principals
    **{
        name: Mutant("operations", account_with("everything", "666666666666", readers=[arn]))
        for name, arn in _READERS.items()
    },
    "a customer's role may assume the deployers": Mutant("operations", customers_deployer),
    "an unmasker is another tenant's role": Mutant(
        "operations",
        account_with(
            "everything", "777777777777", unmaskers=["arn:aws:iam::333333333333:role/audit/lead"]
        ),
    ),
    "a trusted account is another tenant's": Mutant(
        "operations", stanza_with("everything", trusted_accounts=["999999999999", "222222222222"])
    ),
    "a trusted account is the operations account": Mutant(
        "operations", stanza_with("everything", trusted_accounts=["999999999999", "111111111111"])
    ),
    "a reader is the execution role of a tenant in the same account": Mutant(
        "operations",
        account_with(
            "hooli",
            "888888888888",
            readers=["arn:aws:iam::888888888888:role/bedrock-local-hooli-labs-execution"],
        ),
    ),
    "a permissions boundary is another tenant's": Mutant(
        "operations",
        account_with(
            "hooli", "888888888888", permissions_boundary="arn:aws:iam::222222222222:policy/b"
        ),
    ),
    "a key that nobody knows names another tenant's account": Mutant(
        "operations",
        stanza_with("hooli", alarms=[{"topic": "arn:aws:sns:eu-central-1:222222222222:alarms"}]),
    ),
    "a perimeter has another tenant's VPC endpoint": Mutant(
        "operations", stanza_with("gone", perimeter={"vpc_endpoints": ["vpce-0123456789abcdef0"]})
    ),
    "two tenants name one VPC": Mutant(
        "operations", account_with("acme", "222222222222", vpc=_VPC)
    ),
    "a guardrail is in a customer account": Mutant(
        "operations",
        stanza_with(
            "hooli",
            guardrail={
                "arn": "arn:aws:bedrock:eu-central-1:888888888888:guardrail/a",
                "version": "1",
            },
        ),
    ),
    "an event bus is another tenant's": Mutant(
        "operations",
        stanza_with(
            "hooli", quota={"event_bus": "arn:aws:events:eu-central-1:222222222222:event-bus/b"}
        ),
    ),
    # Own hand-over
    "a hand-over names another tenant's role": Mutant(
        "operations", handover_with(role_arn="arn:aws:iam::111111111111:role/bedrock-local-acme")
    ),
    "a hand-over has another tenant's ExternalId": Mutant(
        "operations", handover_with(external_id="everything-current")
    ),
    "a hand-over without a stanza": Mutant(
        "operations",
        lambda plan: plan["output_changes"]["handover"]["after"].update(stranger={}),
    ),
    "a hand-over has another tenant's ExternalId in one more key": Mutant(
        "operations", handover_with(stanza=json.dumps({"external_id": "everything-current"}))
    ),
    "a hand-over is known only after apply": Mutant("operations", unknown_handover),
    "an output that Terraform prints has an ExternalId": Mutant(
        "operations",
        lambda plan: plan["output_changes"]["quotas"]["after"].update(id="everything-current"),
    ),
    # Only reviewed resources
    "a function URL": Mutant(
        EVERYTHING, adding("aws_lambda_function_url", authorization_type="NONE")
    ),
    "a permission to invoke the function": Mutant(
        EVERYTHING, adding("aws_lambda_permission", principal="*")
    ),
    "a subscription to the records": Mutant(
        EVERYTHING, adding("aws_cloudwatch_log_subscription_filter", filter_pattern="")
    ),
    "a grant of the key": Mutant(EVERYTHING, adding("aws_kms_grant", operations=["Decrypt"])),
    "a resource policy of the logs": Mutant(
        EVERYTHING, adding("aws_cloudwatch_log_resource_policy", policy_name="x")
    ),
    "an attached policy": Mutant(EVERYTHING, adding("aws_iam_role_policy_attachment", role="x")),
    "an event source of the function": Mutant(
        EVERYTHING, adding("aws_lambda_event_source_mapping", function_name="x")
    ),
    "a bucket in the operations account": Mutant("operations", adding("aws_s3_bucket", bucket="x")),
    "a log of model invocations": Mutant(
        "operations", adding("aws_bedrock_model_invocation_logging_configuration")
    ),
    # Complete roles
    "a role that no stanza defines": Mutant(
        "operations", renamed(OPERATIONS_ROLE, name="bedrock-local-stranger")
    ),
    "a role is missing": Mutant("operations", without(OPERATIONS_ROLE)),
    "two roles have one name": Mutant("operations", twice(OPERATIONS_ROLE)),
    "a role has a path": Mutant("operations", setting(OPERATIONS_ROLE, path="/app/")),
    "a session lasts twelve hours": Mutant(
        "operations", setting(OPERATIONS_ROLE, max_session_duration=43200)
    ),
    "a permissions boundary is left out": Mutant(
        EVERYTHING,
        account_with(
            "everything", "666666666666", permissions_boundary="arn:aws:iam::666666666666:policy/b"
        ),
    ),
    "a role has another tenant's tag": Mutant(
        "operations",
        setting(
            OPERATIONS_ROLE,
            tags_all={"environment": "local", "managed-by": "terraform", "tenant": "acme"},
        ),
    ),
    "a role has a second inline policy": Mutant("operations", renamed(GRANTS, name="more")),
    "a role has no inline policy": Mutant(EVERYTHING, without(READER)),
    "an inline policy has another name": Mutant(EVERYTHING, setting(READER, name="more")),
    "an inline policy is of another role": Mutant(
        "operations", setting(GRANTS, role="bedrock-local-acme")
    ),
    "an inline policy is known only after apply": Mutant(EVERYTHING, unknown(READER, "policy")),
    "an inline policy stays while its role is created again": Mutant("operations", stays(GRANTS)),
    "a role is in another shard than its tenant's": Mutant("operations", sharded),
    "a role states a policy itself": Mutant(
        EVERYTHING, setting(EXECUTION, inline_policy=[{"name": "more", "policy": "{}"}])
    ),
    "a role may keep a second inline policy": Mutant(
        "operations", setting(INLINE_POLICIES, policy_names=["grants", "more"])
    ),
    "nothing removes a second inline policy": Mutant("operations", without(INLINE_POLICIES)),
    "the names of the inline policies are known only after apply": Mutant(
        "operations", unknown(INLINE_POLICIES, "policy_names")
    ),
    "a policy is attached to a tenant's role": Mutant(
        "operations", attached("arn:aws:iam::aws:policy/ReadOnlyAccess")
    ),
    "the guard's role may keep an attached policy": Mutant(
        "operations",
        setting(GUARD_POLICIES, policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
    ),
    "a role may keep an attached policy": Mutant(
        EVERYTHING, setting(ATTACHED, policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"])
    ),
    "nothing detaches an attached policy": Mutant(EVERYTHING, without(ATTACHED)),
    "a trust policy is known only after apply": Mutant(
        EVERYTHING, unknown(EXECUTION, "assume_role_policy")
    ),
    # Own profiles
    "a profile has another tenant's tag": Mutant(
        "operations",
        setting(PROFILE, tags={"alias": "claude", "environment": "local", "tenant": "acme"}),
    ),
    "a profile copies another model": Mutant(
        "operations",
        setting(
            PROFILE,
            model_source=[{"copy_from": "arn:aws:bedrock:eu-central-1::foundation-model/x.y-v1:0"}],
        ),
    ),
    "a profile has no source": Mutant("operations", setting(PROFILE, model_source=[])),
    "two profiles have one name": Mutant("operations", twice(PROFILE)),
    "the profile of a previous model is missing": Mutant("operations", without(PREVIOUS_PROFILE)),
    "the profile of a previous model copies the current one": Mutant(
        "operations",
        lambda plan: after(plan, PREVIOUS_PROFILE).update(
            model_source=after(plan, CURRENT_PROFILE)["model_source"]
        ),
    ),
    "a profile that no stanza defines": Mutant(
        "operations", renamed(PROFILE, name="bedrock-local-everything_more")
    ),
    "a profile has a tag that no stanza and no guard sets": Mutant(
        "operations",
        lambda plan: after(plan, PROFILE)["tags"].update({"quota-reached": "false"}),
    ),
    # Own guard
    "a limit is another": Mutant("operations", quota_input_with(tokens_per_day=2000000)),
    "a limit is left out": Mutant("operations", quota_input_with(usd_per_month=None)),
    "a tenant is left out of its schedule": Mutant("operations", unlimited_tenant),
    "a price is another": Mutant(
        "operations",
        lambda plan: plan["variables"]["operations"]["value"]["guard"]["prices"].clear(),
    ),
    "the schedule of the quotas is missing": Mutant("operations", without(QUOTAS)),
    "the schedule of the quotas is disabled": Mutant(
        "operations", setting(QUOTAS, state="DISABLED")
    ),
    "the lease invokes another function": Mutant(
        "operations",
        block_with(LEASE, "target", arn="arn:aws:lambda:eu-central-1:111111111111:function:x"),
    ),
    "the lease is missing": Mutant("operations", without(LEASE)),
    "the guard runs as another role": Mutant(
        "operations", setting(GUARD_FUNCTION, role="arn:aws:iam::111111111111:role/admin")
    ),
    "the guard's zip is another file": Mutant(
        "operations", setting(GUARD_FUNCTION, filename="./other.zip")
    ),
    "a denial is missing": Mutant("operations", without(GUARD_DENIAL)),
    "a managed policy that no stanza defines": Mutant(
        "operations", renamed(GUARD_DENIAL, name="more")
    ),
    "an alarm tells nobody": Mutant("operations", setting(GUARD_ALARM, alarm_actions=[])),
    "the topic admits others": Mutant("operations", policy_of_topic),
    "a rule about access is missing": Mutant("operations", without(ACCESS_RULE)),
    "a rule about access is disabled": Mutant("operations", setting(ACCESS_RULE, state="DISABLED")),
    "a rule about access does not see read-only events": Mutant(
        "operations",
        setting(ACCESS_RULE.replace("roles", "assumed-roles"), state="ENABLED"),
    ),
    "a rule about access matches more": Mutant(
        "operations", matching_more(ACCESS_RULE, without="userIdentity")
    ),
    "a rule about access tells nobody": Mutant("operations", without(ACCESS_TARGET)),
    "a rule about access tells another account": Mutant(
        "operations",
        setting(ACCESS_TARGET, arn=f"arn:aws:sns:eu-central-1:{FOREIGN}:bedrock-local_guard"),
    ),
    "a sentence about access has what a caller wrote": Mutant(
        "operations", telling("message", message="$.detail.errorMessage")
    ),
    "a sentence about access has the whole event": Mutant(
        "operations", telling("aws.events.event.json")
    ),
    "a sentence about access is the event itself": Mutant(
        "operations", setting(ACCESS_TARGET, input_transformer=[])
    ),
    "the events of IAM are not forwarded": Mutant("operations", without(FORWARDED_RULE)),
    "the events of IAM are forwarded to another account": Mutant(
        "operations",
        setting(FORWARDED_TARGET, arn=f"arn:aws:events:eu-central-1:{FOREIGN}:event-bus/default"),
    ),
    "the topic has no policy of its own": Mutant("operations", without(TOPIC_POLICY)),
    "an environment without a guard has one": Mutant(
        "operations",
        lambda plan: plan["variables"]["operations"]["value"].pop("guard"),
    ),
    # Own function
    "the function runs as another role": Mutant(
        EVERYTHING, setting(FUNCTION, role="arn:aws:iam::666666666666:role/admin")
    ),
    "the function has a layer": Mutant(
        EVERYTHING,
        setting(FUNCTION, layers=[f"arn:aws:lambda:eu-central-1:{FOREIGN}:layer:spy:1"]),
    ),
    "the code comes from a bucket": Mutant(
        EVERYTHING, setting(FUNCTION, filename=None, s3_bucket="spy", s3_key="code.zip")
    ),
    "the code comes from an image": Mutant(
        EVERYTHING, setting(FUNCTION, filename=None, image_uri="spy", package_type="Image")
    ),
    "the zip is another file": Mutant(EVERYTHING, setting(FUNCTION, filename="./other.zip")),
    "the zip that a variable names is another file": Mutant(EVERYTHING, package_of_a_variable),
    "the code has no hash": Mutant(EVERYTHING, setting(FUNCTION, source_code_hash=None)),
    "the handler is another": Mutant(EVERYTHING, setting(FUNCTION, handler="spy.handler")),
    "an environment variable is added": Mutant(
        EVERYTHING,
        lambda plan: after(plan, FUNCTION)["environment"][0]["variables"].update(
            AWS_LAMBDA_EXEC_WRAPPER="/opt/spy"
        ),
    ),
    "the function takes another tenant's role": Mutant(
        EVERYTHING, settings_with(role_arn="arn:aws:iam::111111111111:role/bedrock-local-acme")
    ),
    "the function records elsewhere": Mutant(EVERYTHING, settings_with(record_log_group="/other")),
    "records are best-effort instead of required": Mutant(
        EVERYTHING, stanza_with("everything", audit="required")
    ),
    "the settings are known only after apply": Mutant(EVERYTHING, unknown(FUNCTION, "environment")),
    "the function has a dead-letter queue": Mutant(
        EVERYTHING,
        setting(FUNCTION, dead_letter_config=[{"target_arn": f"arn:aws:sqs:x:{FOREIGN}:q"}]),
    ),
    "the function mounts a file system": Mutant(
        EVERYTHING, setting(FUNCTION, file_system_config=[{"local_mount_path": "/mnt/x"}])
    ),
    "the function is in other subnets": Mutant(
        EVERYTHING, block_with(FUNCTION, "vpc_config", subnet_ids=["subnet-0fedcba9876543219"])
    ),
    "the function logs to another group": Mutant(
        EVERYTHING, block_with(FUNCTION, "logging_config", log_group="/aws/lambda/other")
    ),
    "there are two functions": Mutant(EVERYTHING, renamed(FUNCTION, function_name="spy")),
    "the alias sends calls to another version": Mutant(
        EVERYTHING, setting(ALIAS, routing_config=[{"additional_version_weights": {"1": 0.5}}])
    ),
    "a setting of which nobody has thought": Mutant(
        EVERYTHING, setting(FUNCTION, durable_config=[{"execution_timeout": 3600}])
    ),
    # Own log groups
    "a log group has no key": Mutant(EVERYTHING, setting(RECORDS, kms_key_id=None)),
    "a log group has another key": Mutant(
        EVERYTHING, setting(FUNCTION_LOG, kms_key_id=f"arn:aws:kms:eu-central-1:{FOREIGN}:key/k")
    ),
    "a log group's key is known only after apply": Mutant(
        EVERYTHING, unknown(RECORDS, "kms_key_id")
    ),
    "the retention is shorter": Mutant(EVERYTHING, setting(RECORDS, retention_in_days=1)),
    "a log group is missing": Mutant(EVERYTHING, without(FUNCTION_LOG)),
    "a log group that no stanza defines": Mutant(EVERYTHING, renamed(RECORDS, name="/other")),
    "a log group is deleted with its records": Mutant(EVERYTHING, deletes_old_records),
    "a log group is deleted with the workload": Mutant(
        EVERYTHING, setting(RECORDS, skip_destroy=False)
    ),
    # Complete masking
    "masking is left out": Mutant(LITTLE, stanza_with("acme", masking=["EmailAddress"])),
    "masking covers one group only": Mutant(EVERYTHING, without(MASKING)),
    "an identifier is left out": Mutant(
        EVERYTHING, masking_with(lambda d: d["Statement"][1]["DataIdentifier"].pop())
    ),
    "masking is replaced by auditing": Mutant(
        EVERYTHING,
        masking_with(lambda d: d["Statement"][1].update(Operation=d["Statement"][0]["Operation"])),
    ),
    "findings are sent to a log group": Mutant(
        EVERYTHING,
        masking_with(
            lambda d: d["Statement"][0]["Operation"]["Audit"].update(
                FindingsDestination={"CloudWatchLogs": {"LogGroup": "/other"}}
            )
        ),
    ),
    "masking that no stanza asks for": Mutant(EVERYTHING, stanza_with("everything", masking=[])),
    "a masking policy is known only after apply": Mutant(
        EVERYTHING, unknown(MASKING, "policy_document")
    ),
    # Confined key
    "the plan makes a key of its own": Mutant(
        EVERYTHING, adding("aws_kms_key", enable_key_rotation=True)
    ),
    "the plan looks no key up": Mutant(EVERYTHING, no_customer_key),
    "the customer's key is disabled": Mutant(
        EVERYTHING, customer_key_with(enabled=False, key_state="Disabled")
    ),
    "the customer's key is scheduled for deletion": Mutant(
        EVERYTHING,
        customer_key_with(key_state="PendingDeletion", deletion_date="2027-01-01T00:00:00Z"),
    ),
    "the customer's key is one of AWS": Mutant(EVERYTHING, customer_key_with(key_manager="AWS")),
    "the customer's key is in another account": Mutant(
        EVERYTHING, customer_key_with(aws_account_id=FOREIGN)
    ),
    "a log group has another key than the customer's": Mutant(
        EVERYTHING,
        setting(RECORDS, kms_key_id=f"{CUSTOMER_KEY[:-1]}c"),
    ),
    # Confined endpoints
    "an endpoint is in another VPC": Mutant(
        EVERYTHING, setting(LOGS_ENDPOINT, vpc_id="vpc-0123456789abcdef9")
    ),
    "an endpoint has another security group": Mutant(
        EVERYTHING, setting(LOGS_ENDPOINT, security_group_ids=["sg-0123456789abcdef9"])
    ),
    "an endpoint for another service": Mutant(
        EVERYTHING, renamed(LOGS_ENDPOINT, service_name="com.amazonaws.eu-central-1.s3")
    ),
    "two endpoints for one service": Mutant(EVERYTHING, twice(LOGS_ENDPOINT)),
    "an endpoint is a gateway": Mutant(
        EVERYTHING, setting(LOGS_ENDPOINT, vpc_endpoint_type="Gateway")
    ),
    "an endpoint is missing": Mutant(EVERYTHING, without(LOGS_ENDPOINT)),
    # Reviewed code
    "the provider has other endpoints": Mutant(
        EVERYTHING,
        provider_with(endpoints=[{"kms": {"constant_value": "https://kms.example.com"}}]),
    ),
    "the provider assumes another role": Mutant(
        EVERYTHING,
        provider_with(
            assume_role=[
                {
                    "external_id": {"references": ["local.stanza.deployer.external_id"]},
                    "role_arn": {"constant_value": f"arn:aws:iam::{FOREIGN}:role/other"},
                }
            ]
        ),
    ),
    "the provider assumes a role without an ExternalId": Mutant(
        EVERYTHING,
        provider_with(
            assume_role=[
                {
                    "role_arn": {
                        "references": [
                            "local.partition",
                            "var.account_id",
                            "var.deployer_role_name",
                        ]
                    }
                }
            ]
        ),
    ),
    "the provider has keys of its own": Mutant(
        "operations", provider_with(access_key={"constant_value": "x"})
    ),
    "the provider allows any account": Mutant(
        "operations", provider_with(allowed_account_ids=None)
    ),
    "the provider for IAM's events allows any account": Mutant(
        "operations", other_account_of_the_alias
    ),
    "the provider for IAM's events makes something else": Mutant("operations", role_of_the_alias),
    "a second provider": Mutant(EVERYTHING, second_provider),
    "a provider from elsewhere": Mutant("operations", foreign_provider),
    "a part of Terraform is not": Mutant(EVERYTHING, foreign_part_of_terraform),
    "the code reads another state": Mutant(EVERYTHING, state_of_others),
    "a resource uses another provider": Mutant(EVERYTHING, resource_of_other_provider),
    "a provisioner": Mutant(EVERYTHING, provisioner),
    "a program as data source": Mutant(EVERYTHING, data_source("external")),
    "a request as data source": Mutant("operations", data_source("http")),
    "a module from elsewhere": Mutant(
        EVERYTHING, module_from("git::https://example.com/customer-workload.git")
    ),
    "a module outside of the repository": Mutant(EVERYTHING, module_from("../../../modules/x")),
    "a data source is read during the apply": Mutant(EVERYTHING, reads_during_apply),
    "a condition of the code does not hold": Mutant(EVERYTHING, failed_condition),
    "a resource is deleted and planned": Mutant(EVERYTHING, deleted_and_planned),
    "an action": Mutant(
        EVERYTHING, part("action_invocations", [{"address": "action.aws_lambda_invoke.x"}])
    ),
    "an import": Mutant(EVERYTHING, imported),
    "a resource is replaced and the old one forgotten": Mutant(EVERYTHING, forgotten),
    "a part of the plan that nobody has reviewed": Mutant(
        "operations", part("deferred_changes", [{"reason": "unknown"}])
    ),
}
