"""Specify every argument of the resources that a stanza defines, apart from the policies.

An argument that this module does not name must be empty. A plan that uses an argument or a resource of
which nobody has thought is therefore a fault, and not an omission of the proof. Like the other
specifications, this uses none of the Terraform modules' code or output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tools.isolation import operations_specification as operations
from tools.isolation.guard_specification import REACHED, denial_arns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.isolation.customer_specification import Workload
    from tools.isolation.operations_specification import Environment, Tenant

# A zip that `make package` builds; "host" is the one for the local AWS.
_PACKAGE = re.compile(r"(.*/)?tenant-bedrock-(arm64|x86_64|host)-py3\.\d+\.zip", re.ASCII)
EXECUTABLE_CODE = "tenant_bedrock.handler.handler"
RUNTIME = "python3.13"


@dataclass(frozen=True)
class AnyText:
    """Any value, because it decides nothing that is promised."""


@dataclass(frozen=True)
class ByClaim:
    """A policy, which a claim or the reader of the plan decides."""


@dataclass(frozen=True)
class Computed:
    """A value that AWS chooses and that the code does not set; with a prefix, it begins with that."""

    prefix: str = ""


@dataclass(frozen=True)
class Default:
    """The value if it is known; AWS's default has this value if the code does not set the argument."""

    value: Any


@dataclass(frozen=True)
class Either:
    """One of the values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Hash:
    """A SHA-256 hash in base64, which AWS compares with the function's code."""


@dataclass(frozen=True)
class Json:
    """JSON text with this content; the order of a list of texts does not matter."""

    content: Any


@dataclass(frozen=True)
class Matching:
    """A text that the regular expression matches as a whole."""

    pattern: str


@dataclass(frozen=True)
class OfExisting:
    """In what exists, the value of another argument; a plan may still have what the last apply left."""

    argument: str


@dataclass(frozen=True)
class SameAs:
    """The attribute of the plan's only resource of the type, by reference while it is unknown."""

    type: str
    attribute: str


@dataclass(frozen=True)
class SomeOf:
    """A list with no other entries than these, or what AWS chooses for a new resource."""

    entries: tuple[str, ...]
    otherwise: str  # what to do about another entry


@dataclass(frozen=True)
class Tags:
    """All of the resource's own tags, and no others than the provider's default tags and those that come and go."""

    own: Mapping[str, str]
    default: Mapping[str, str]
    passing: Mapping[str, str] = field(default_factory=dict)


Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class ResourceSpecification:
    """A resource that must exist once, with exactly these arguments."""

    type: str
    name: str  # what identifies it among the resources of its type, see IDENTITIES
    subject: str
    arguments: Arguments


# The arguments that identify a resource.
IDENTITIES: Mapping[str, tuple[str, ...]] = {
    "aws_bedrock_inference_profile": ("name",),
    "aws_cloudwatch_event_rule": ("name",),
    "aws_cloudwatch_event_target": ("rule", "target_id"),
    "aws_cloudwatch_log_data_protection_policy": ("log_group_name",),
    "aws_cloudwatch_log_group": ("name",),
    "aws_cloudwatch_metric_alarm": ("alarm_name",),
    "aws_iam_policy": ("name",),
    "aws_iam_role": ("name",),
    "aws_iam_role_policies_exclusive": ("role_name",),
    "aws_iam_role_policy": ("role", "name"),
    "aws_iam_role_policy_attachments_exclusive": ("role_name",),
    "aws_lambda_alias": ("function_name", "name"),
    "aws_lambda_function": ("function_name",),
    "aws_scheduler_schedule": ("name",),
    "aws_sns_topic": ("name",),
    "aws_sns_topic_policy": ("arn",),
    "aws_vpc_endpoint": ("service_name",),
}
# The topic of a resource's faults, and the noun for it in a sentence unless NOUNS has another.
TOPICS: Mapping[str, str] = {
    "aws_bedrock_inference_profile": "profile",
    "aws_cloudwatch_event_rule": "guard",
    "aws_cloudwatch_event_target": "guard",
    "aws_cloudwatch_log_data_protection_policy": "masking",
    "aws_cloudwatch_log_group": "log group",
    "aws_cloudwatch_metric_alarm": "guard",
    "aws_iam_policy": "guard",
    "aws_iam_role": "role",
    "aws_iam_role_policies_exclusive": "role",
    "aws_iam_role_policy": "role",
    "aws_iam_role_policy_attachments_exclusive": "role",
    "aws_lambda_alias": "function",
    "aws_lambda_function": "function",
    "aws_scheduler_schedule": "guard",
    "aws_sns_topic": "guard",
    "aws_sns_topic_policy": "guard",
    "aws_vpc_endpoint": "endpoint",
}
NOUNS: Mapping[str, str] = {
    **TOPICS,
    "aws_cloudwatch_event_rule": "rule",
    "aws_cloudwatch_event_target": "target of the rule",
    "aws_cloudwatch_log_data_protection_policy": "masking of",
    "aws_cloudwatch_metric_alarm": "alarm",
    "aws_iam_policy": "managed policy",
    "aws_iam_role_policies_exclusive": "list of inline policies of",
    "aws_iam_role_policy": "inline policy",
    "aws_iam_role_policy_attachments_exclusive": "list of attached policies of",
    "aws_lambda_alias": "function alias",
    "aws_scheduler_schedule": "schedule",
    "aws_sns_topic": "topic",
    "aws_sns_topic_policy": "policy of the topic",
}
# Resource types that a plan may contain. None of them can store a prompt or an answer in the operations
# account, or give access beyond the policies that are proved. Review a type before you add it.
ROLE_TYPES = frozenset(type_ for type_, topic in TOPICS.items() if topic == "role")
# The guard's own, by the reason for which each can hold no prompt and no answer and gives nobody access to any.
GUARD_TYPES: Mapping[str, str] = {
    "aws_cloudwatch_event_rule": "it stores nothing, and its pattern is specified whole",
    "aws_cloudwatch_event_target": "it passes on names and codes of AWS's making, to the topic or to the account's bus",
    "aws_cloudwatch_log_group": "only the guard's functions write to it, and no role of theirs can read a record",
    "aws_cloudwatch_metric_alarm": "it compares numbers of runs, of errors and of faults",
    "aws_iam_policy": "its text is proved to deny and to allow nothing",
    "aws_lambda_function": "its role is proved to call no model and to read no record",
    "aws_scheduler_schedule": "its input is names and limits of the stanzas, and its role may invoke the guard alone",
    "aws_sns_topic": "the guard, the alarms and the rules publish counts, names, settings and codes",
    "aws_sns_topic_policy": "it lets two services publish, for the guard's alarms and rules alone",
}
OPERATIONS_TYPES = ROLE_TYPES | {"aws_bedrock_inference_profile", *GUARD_TYPES}
CUSTOMER_TYPES = frozenset(
    IDENTITIES.keys()
    - {"aws_bedrock_inference_profile", "aws_cloudwatch_metric_alarm", "aws_iam_policy"}
    - {"aws_cloudwatch_event_rule", "aws_cloudwatch_event_target", "aws_scheduler_schedule"}
    - {"aws_sns_topic", "aws_sns_topic_policy"}
)
# The tag that the guard sets on a profile of an alias whose quota is reached, and removes.
PASSING_TAGS: Mapping[str, str] = {REACHED: "true"}


def operations_resources(env: Environment, names: Iterable[str]) -> Iterator[ResourceSpecification]:
    """Yield the role and the profiles of each of these tenants in the operations account."""
    for name in names:
        tenant = operations.Tenant(env, name)
        role = role_arguments(env, env.account, tenant.base_name, env.permissions_boundary)
        tags = tenant.stanza.get("tags") or {}
        arguments = {
            **role,
            **tag_arguments(env, {**tags, "tenant": name}),
            "force_detach_policies": True,
            "managed_policy_arns": _attachable(env, tenant.base_name),
        }
        yield ResourceSpecification("aws_iam_role", tenant.base_name, name, arguments)
        yield from role_policies(tenant.base_name, "grants", name, exclusive=False)
        for profile in operations.profiles(tenant):
            yield ResourceSpecification(
                "aws_bedrock_inference_profile", profile.name, name, _profile(tenant, profile)
            )


def customer_resources(
    workload: Workload, subject: str, package_path: str | None, key_arn: str | None
) -> Iterator[ResourceSpecification]:
    """Yield the resources of a workload; ``package_path`` is the variable of this name, or None.

    ``key_arn`` is that of the key which the customer has made; None if the plan has not looked it up.
    """
    env, base = workload.tenant.environment, workload.tenant.base_name
    tags_of_the_root = {
        **(workload.tenant.stanza.get("tags") or {}),
        **(workload.stanza.get("tags") or {}),
        "tenant": workload.tenant.name,
    }

    def specification(
        type_: str, name: str, arguments: Arguments, tags: Mapping[str, str] | None = None
    ) -> ResourceSpecification:
        region = {} if type_ in ROLE_TYPES else {"region": Default(workload.region)}
        all_tags = tag_arguments(env, tags or {}, tags_of_the_root)
        return ResourceSpecification(type_, name, subject, {**region, **all_tags, **arguments})

    for name in workload.roles:
        yield specification(
            "aws_iam_role", name, role_arguments(env, workload.account, name, workload.boundary_arn)
        )
        yield from role_policies(name, name.removeprefix(f"{base}-"), subject)
    for group in workload.groups:
        name = group.split(":", 6)[6]
        log_group = _log_group(workload, name, key_arn)
        yield specification("aws_cloudwatch_log_group", name, log_group)
        if workload.tenant.stanza.get("masking"):
            masking = _masking(workload, name)
            yield specification("aws_cloudwatch_log_data_protection_policy", name, masking)
    if workload.has_function:
        yield specification("aws_lambda_function", base, _function(workload, package_path))
        if _setting(workload, "snap_start", default=False):
            yield specification("aws_lambda_alias", f"{base} live", _function_alias(workload))
    for service in workload.endpoints:
        name = endpoint_service(workload, service)
        tags = {"Name": f"{base}-{service}"}
        yield specification("aws_vpc_endpoint", name, _endpoint(workload), tags)


def endpoint_service(workload: Workload, service: str) -> str:
    """Return the full name of a service that has an endpoint.

    https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
    """
    prefix = "cn.com" if workload.tenant.environment.partition == "aws-cn" else "com"
    return f"{prefix}.amazonaws.{workload.region}.{service}"


def tag_arguments(
    env: Environment, tags: Mapping[str, str], default_tags: Mapping[str, str] | None = None
) -> Arguments:
    """Return the arguments for tags; ``default_tags`` are the provider's beside the common ones."""
    reserved = {"environment": env.name, "managed-by": "terraform"}
    defaults = {**env.tags, **(default_tags or {}), **reserved}
    return {"tags": tags, "tags_all": Tags(tags, defaults)}


def role_arguments(env: Environment, account: str, name: str, boundary: str | None) -> Arguments:
    """Return the arguments of a role, about whose policies other resources and the claims say more."""
    return {
        "arn": Computed(env.role_arn(account, name)),
        "assume_role_policy": ByClaim(),
        "create_date": Computed(),
        "description": AnyText(),
        "id": Computed(),
        "inline_policy": ByClaim(),  # what AWS has; role_policies says what an apply leaves
        "managed_policy_arns": ByClaim(),
        "max_session_duration": 3600,
        "name": name,
        "name_prefix": Default(""),
        "path": ByClaim(),
        "permissions_boundary": boundary,
        "unique_id": Computed(),
    }


def _attachable(env: Environment, role: str) -> SomeOf:
    """The guard attaches its denials to tenants' roles beside Terraform, so no list of attached policies is applied."""
    command = f"aws iam detach-role-policy --role-name {role} --policy-arn ARN"
    return SomeOf(tuple(denial_arns(env).values()), f"detach it with `{command}`")


def role_policies(
    role: str, policy: str, subject: str, *, exclusive: bool = True
) -> Iterator[ResourceSpecification]:
    """Yield a role's only inline policy, and the lists by which an apply removes every other policy.

    Unless ``exclusive``, there is no list of attached policies.
    """
    arguments: Arguments = {
        "id": Computed(f"{role}:{policy}"),
        "name": policy,
        "name_prefix": Default(""),
        "policy": ByClaim(),
        "role": role,
    }
    yield ResourceSpecification("aws_iam_role_policy", f"{role} {policy}", subject, arguments)
    for list_, argument, members in (
        ("aws_iam_role_policies_exclusive", "policy_names", [policy]),
        ("aws_iam_role_policy_attachments_exclusive", "policy_arns", []),
    )[: 2 if exclusive else 1]:
        lists: Arguments = {"role_name": role, argument: members}
        yield ResourceSpecification(list_, role, subject, lists)


def _profile(tenant: Tenant, profile: operations.Profile) -> Arguments:
    env = tenant.environment
    prefix = (
        f"arn:{env.partition}:bedrock:{env.region}:{env.account}:application-inference-profile/"
    )
    return {
        "arn": Computed(prefix),
        "created_at": Computed(),
        "description": AnyText(),
        "id": Computed(),
        "model_source": [{"copy_from": profile.source}],
        "models": Computed(),
        "name": profile.name,
        "region": Default(env.region),
        "status": Default("ACTIVE"),
        "type": Default("APPLICATION"),
        "updated_at": Computed(),
        **_passing_tags(env, {**(tenant.stanza.get("tags") or {}), **profile.tags}),
    }


def _passing_tags(env: Environment, tags: Mapping[str, str]) -> Arguments:
    """Return the arguments for the tags of a profile, to which a guard adds its own."""
    arguments = tag_arguments(env, tags)
    if env.guard is None:
        return arguments
    all_tags = replace(arguments["tags_all"], passing=PASSING_TAGS)
    return {"tags": Tags(tags, {}, PASSING_TAGS), "tags_all": all_tags}


def customer_key(workload: Workload) -> Arguments:
    """What the data source says of a key that the customer has made for the workload's log groups."""
    return {
        "arn": Computed(_arn(workload, "kms", "key/")),
        "aws_account_id": workload.account,
        "deletion_date": "",
        "enabled": True,
        "key_id": f"alias/{workload.tenant.base_name}",
        "key_manager": "CUSTOMER",
        "key_state": "Enabled",
        "key_usage": "ENCRYPT_DECRYPT",
        "multi_region": False,
        "origin": "AWS_KMS",
    }


def _log_group(workload: Workload, name: str, key_arn: str | None) -> Arguments:
    return {
        "arn": Computed(_arn(workload, "logs", f"log-group:{name}")),
        "id": Computed(),
        "deletion_protection_enabled": Default(value=False),
        "kms_key_id": key_arn,
        "log_group_class": "STANDARD",
        "name": name,
        "name_prefix": Default(""),
        "retention_in_days": _setting(workload, "retention_days", default=365),
        "skip_destroy": True,
    }


def _masking(workload: Workload, group: str) -> Arguments:
    """Mask each identifier of the stanza, and send nobody what was found.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/mask-sensitive-log-data.html
    """
    partition = workload.tenant.environment.partition
    prefix = f"arn:{partition}:dataprotection::aws:data-identifier/"
    identifiers = [f"{prefix}{name}" for name in workload.tenant.stanza["masking"]]
    operations_of_policy: tuple[Mapping[str, Any], ...] = (
        {"Audit": {"FindingsDestination": {}}},
        {"Deidentify": {"MaskConfig": {}}},
    )
    document = {
        "Name": AnyText(),
        "Version": "2021-06-01",
        "Statement": [
            {"Sid": AnyText(), "DataIdentifier": identifiers, "Operation": operation}
            for operation in operations_of_policy
        ],
    }
    return {"id": Computed(), "log_group_name": group, "policy_document": Json(document)}


def _function(workload: Workload, package_path: str | None) -> Arguments:
    env, base = workload.tenant.environment, workload.tenant.base_name
    architecture = _setting(workload, "architecture", default="arm64")
    concurrency = _setting(workload, "reserved_concurrency", default=-1)
    snap_start = _setting(workload, "snap_start", default=False)
    vpc = workload.stanza.get("vpc")
    network = vpc and {
        "security_group_ids": vpc["security_group_ids"],
        "subnet_ids": vpc["subnet_ids"],
        "vpc_id": Computed(vpc.get("id") or ""),
    }
    if not (package_path and _PACKAGE.fullmatch(package_path)):
        package_path = f"./../../build/tenant-bedrock-{architecture}-py3.13.zip"
    return {
        **function_arguments(_arn(workload, "lambda", f"function:{base}")),
        "architectures": [architecture],
        "code_signing_config_arn": workload.stanza.get("code_signing_config_arn"),
        "environment": [{"variables": {"TENANT_BEDROCK": Json(_settings(workload))}}],
        "filename": package_path,
        "handler": EXECUTABLE_CODE,
        "memory_size": _setting(workload, "memory_size", default=1024),
        "publish": snap_start,
        "reserved_concurrent_executions": concurrency,
        "role": env.role_arn(workload.account, f"{base}-execution"),
        "snap_start": [{"apply_on": "PublishedVersions", "optimization_status": Computed()}]
        if snap_start
        else [],
        "timeout": _setting(workload, "timeout", default=300),
        "vpc_config": [network] if network else [],
    }


def guard_resource(
    env: Environment, type_: str, name: str, arguments: Arguments, *, tagged: bool = True
) -> ResourceSpecification:
    """Return a resource of the guard in the operations Region."""
    tags = tag_arguments(env, {}) if tagged else {}
    region = {"region": Default(env.region)}
    return ResourceSpecification(type_, name, "operations", {**region, **tags, **arguments})


def function_arguments(arn: str) -> Arguments:
    """Return what every function has: Lambda's Python, a log group of its name, and what AWS chooses."""
    _, partition, _, region, _, _, name = arn.split(":")
    gateway = f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}"
    return {
        "arn": Computed(arn),
        "code_sha256": OfExisting("source_code_hash"),  # of the code that Lambda has
        "description": AnyText(),
        "ephemeral_storage": Default([{"size": 512}]),
        "function_name": name,
        "id": Computed(),
        "invoke_arn": Computed(gateway),
        "last_modified": Computed(),
        "logging_config": [
            {
                "application_log_level": "INFO",
                "log_format": "JSON",
                "log_group": f"/aws/lambda/{name}",
                "system_log_level": "INFO",
            }
        ],
        "package_type": "Zip",
        "qualified_arn": Computed(arn),
        "qualified_invoke_arn": Computed(gateway),
        "response_streaming_invoke_arn": Computed(),
        "runtime": RUNTIME,
        "signing_job_arn": Default(""),
        "signing_profile_version_arn": Default(""),
        "source_code_hash": Hash(),
        "source_code_size": Computed(),
        "tracing_config": Default([{"mode": "PassThrough"}]),
        "version": Computed(),
    }


def _settings(workload: Workload) -> Mapping[str, Any]:
    """The function's settings that say for whom it acts, and what it records and where.

    The models, the guardrail, the quota and the place of the use come from the hand-over, which is one apply behind the
    stanza. They permit nothing: the operations role decides which calls succeed.
    """
    tenant = workload.tenant
    return {
        "audit": tenant.stanza.get("audit") or "best-effort",
        "content": tenant.stanza.get("content") or "full",
        "environment": tenant.environment.name,
        "external_id": Either(tenant.external_ids),
        "guardrail": AnyText(),
        "models": AnyText(),
        "quota": AnyText(),
        "record_log_group": workload.groups[1].split(":", 6)[6],
        "role_arn": tenant.role_arn,
        "tenant": tenant.name,
        "timeout": _setting(workload, "timeout", default=300),
        "usage": AnyText(),
    }


def _function_alias(workload: Workload) -> Arguments:
    arn = _arn(workload, "lambda", f"function:{workload.tenant.base_name}")
    return {
        "arn": Computed(arn),
        "description": AnyText(),
        "function_name": workload.tenant.base_name,
        "function_version": SameAs("aws_lambda_function", "version"),
        "id": Computed(),
        "invoke_arn": Computed(),
        "name": "live",
    }


def _endpoint(workload: Workload) -> Arguments:
    vpc = workload.stanza["vpc"]
    return {
        "arn": Computed(_arn(workload, "ec2", "vpc-endpoint/")),
        "cidr_blocks": Computed(),
        "dns_entry": Computed(),
        "dns_options": Computed(),
        "id": Computed(),
        "ip_address_type": Default("ipv4"),
        "network_interface_ids": Computed(),
        "owner_id": Computed(workload.account),
        "policy": ByClaim(),
        "prefix_list_id": Computed(),
        "private_dns_enabled": True,
        "requester_managed": Default(value=False),
        "route_table_ids": Default([]),
        "security_group_ids": vpc["security_group_ids"],
        "service_name": AnyText(),  # its identity
        "service_region": Default(workload.region),
        "state": Computed(),
        "subnet_configuration": Computed(),
        "subnet_ids": vpc["subnet_ids"],
        "vpc_endpoint_type": "Interface",
        "vpc_id": vpc["id"],
    }


def _setting(workload: Workload, name: str, *, default: Any) -> Any:  # noqa: ANN401 - any HCL value
    setting = (workload.tenant.stanza.get("workload") or {}).get(name)
    return default if setting is None else setting


def _arn(workload: Workload, service: str, resource: str) -> str:
    partition = workload.tenant.environment.partition
    return f"arn:{partition}:{service}:{workload.region}:{workload.account}:{resource}"
