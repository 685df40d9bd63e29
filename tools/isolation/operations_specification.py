"""Specify what a tenant's stanza grants in the operations account.

This is independent of modules/operations-role: it reads the same stanza and uses none of the module's
code or output. If the two differ, the proof fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

import boto3
from botocore.exceptions import UnknownRegionError

from tools.isolation import structure
from tools.isolation.predicate import AllOf, AnyOf, InNetwork, OneOf, Predicate, StartsWith
from tools.isolation.structure import StructureError

Stanza = Mapping[str, Any]

# These two actions also authorize Converse and ConverseStream:
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
INVOKE = "bedrock:InvokeModel"
STREAM = "bedrock:InvokeModelWithResponseStream"
COUNT = "bedrock:CountTokens"
APPLY_GUARDRAIL = "bedrock:ApplyGuardrail"
LIMITS = ("tokens_per_day", "tokens_per_month", "usd_per_month")  # what a guard enforces

DEPLOYER_ROLE = "terraform-deployer"  # the name if an environment gives none

# The Regions to which AWS may route a call through a geographic profile, apart from the called Region.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
DESTINATIONS = {
    "apac.": "ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 "
    "ap-southeast-2 ap-southeast-4",
    "au.": "ap-southeast-2 ap-southeast-4",
    "eu.": "eu-central-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-3",
    "jp.": "ap-northeast-1 ap-northeast-3",
    "us-gov.": "us-gov-east-1 us-gov-west-1",
    "us.": "us-east-1 us-east-2 us-west-1 us-west-2",
}


@cache
def partition_of(region: str) -> str:
    """Return the partition of a Region, from botocore's table."""
    partition: str = boto3.Session().get_partition_for_region(region)
    return partition


@dataclass(frozen=True)
class Environment:
    """The variables of an environment as its plan has them, without default values."""

    name: str
    partition: str
    account: str
    region: str
    tenants: Mapping[str, Stanza]
    shared_accounts: frozenset[str]
    deployer_role: str
    permissions_boundary: str | None  # of every tenant's role
    deployment_principals: tuple[str, ...] = ()
    shards: int = 1  # states of the operations account
    shard: int = 0  # the one that the plan is of
    tags: Mapping[str, str] = field(default_factory=dict)  # of every resource
    guard: Stanza | None = None  # what enforces the quotas

    @classmethod
    def from_variables(cls, variables: Mapping[str, Any]) -> Environment:
        """Read the variables. Raises StructureError if one is missing or of the wrong type."""
        structure.check(variables, structure.ENVIRONMENT, "")
        operations = variables["operations"]
        try:
            partition = partition_of(operations["region"])
        except UnknownRegionError as error:
            message = f"operations.region is {operations['region']!r}, which is not a Region"
            raise StructureError(message) from error
        return cls(
            name=variables["environment"],
            partition=partition,
            account=str(operations["account_id"]),
            region=operations["region"],
            tenants=variables["tenants"],
            shared_accounts=frozenset(variables.get("accounts_with_several_tenants") or ()),
            deployer_role=variables.get("deployer_role_name") or DEPLOYER_ROLE,
            permissions_boundary=operations.get("permissions_boundary"),
            deployment_principals=tuple(operations.get("deployment_principals") or ()),
            shards=max(1, int(operations.get("shards") or 1)),
            shard=int(variables.get("shard") or 0),
            tags=variables.get("tags") or {},
            guard=operations.get("guard"),
        )

    @property
    def tenants_of_shard(self) -> list[str]:
        """The tenants whose roles the plan of a shard must have: by the SHA-256 of their names."""
        return [
            name
            for name in self.tenants
            if int(sha256(name.encode()).hexdigest()[:8], 16) % self.shards == self.shard
        ]

    def role_arn(self, account: str, name: str) -> str:
        """Return the ARN of a role."""
        return f"arn:{self.partition}:iam::{account}:role/{name}"


@dataclass(frozen=True)
class Tenant:
    """A tenant of an environment, with its stanza."""

    environment: Environment
    name: str

    @property
    def stanza(self) -> Stanza:
        """The tenant's stanza."""
        return self.environment.tenants[self.name]

    @property
    def base_name(self) -> str:
        """The name of its role in the operations account, and the prefix of its other names."""
        return f"bedrock-{self.environment.name}-{self.name}"

    @property
    def role_arn(self) -> str:
        """The ARN of its role in the operations account."""
        return self.environment.role_arn(self.environment.account, self.base_name)

    @property
    def callers(self) -> dict[str, str]:
        """The ARN of the only role that may act as the tenant, by customer account."""
        return {
            account: self.environment.role_arn(account, f"{self.base_name}-execution")
            for account in self.stanza["accounts"]
        }

    @property
    def external_ids(self) -> tuple[str, ...]:
        """Its ExternalIds, of which there are two during a rotation."""
        ids = self.stanza["external_ids"]
        return tuple(ids[name] for name in ("current", "previous") if ids.get(name))

    @property
    def active(self) -> bool:
        """Whether it may call models at present."""
        return (self.stanza.get("state") or "active") == "active"


@dataclass(frozen=True)
class Profile:
    """An application inference profile that must exist; policies identify it by its tags."""

    name: str
    source: str  # the ARN of the model or system profile that it copies
    tags: Mapping[str, str]


def trust(tenant: Tenant) -> Predicate:
    """Only its execution roles may assume its role, with one of its ExternalIds and its session name."""
    callers = (
        AllOf(OneOf("aws:principalaccount", account), OneOf("aws:principalarn", role))
        for account, role in tenant.callers.items()
    )
    return AllOf(
        OneOf("action", "sts:AssumeRole"),
        AnyOf(*callers),
        OneOf("sts:externalid", *tenant.external_ids),
        OneOf("sts:rolesessionname", tenant.name),
    )


def permissions(tenant: Tenant) -> Predicate:
    """Its role may call the model of each alias by its route, with the guardrail, inside the perimeter.

    The guardrail is a condition of the model or profile alone: no page says whether the authorization of a
    call on its project knows it.
    """
    if not tenant.active:
        return AnyOf()  # no request
    aliases = [_alias(tenant, alias, model) for alias, model in granted_models(tenant.stanza)]
    guardrails = _guardrails(tenant)
    if guardrails and None not in guardrails:
        versions = OneOf("bedrock:guardrailidentifier", *map(":".join, filter(None, guardrails)))
        aliases = [AllOf(versions, alias) for alias in aliases]
    calls = [
        *_guardrail_calls(tenant),
        *aliases,
        *_default_project(tenant),
        *_token_counts(tenant),
        *_own_usage(tenant),
    ]
    perimeter = _perimeter(tenant.stanza.get("perimeter"))
    return AnyOf(*(AllOf(*perimeter, call) for call in calls))


def _guardrail_calls(tenant: Tenant) -> list[Predicate]:
    """Return the direct use of the guardrail and of the previous one, if the stanza has them."""
    arns = [guardrail[0] for guardrail in _guardrails(tenant) if guardrail is not None]
    return [AllOf(OneOf("action", APPLY_GUARDRAIL), OneOf("resource", *arns))] if arns else []


def granted_models(stanza: Stanza) -> list[tuple[str, Stanza]]:
    """Return alias and model of all that a stanza grants: the current models and the previous ones."""
    models = stanza["models"].items()
    previous = [(alias, model["previous"]) for alias, model in models if model.get("previous")]
    return [*models, *previous]


def profiles(tenant: Tenant) -> list[Profile]:
    """Return its profiles, whether the tenant is active or not: one for each model of a tracked alias."""
    found = [
        Profile(
            name=profile_name(tenant.base_name, alias, called_id(model)),
            source=_profile_source(tenant, model),
            tags=profile_tags(tenant, alias),
        )
        for alias, model in granted_models(tenant.stanza)
        if model.get("track")
    ]
    return [profile for index, profile in enumerate(found) if profile not in found[:index]]


def profile_name(base_name: str, alias: str, copied_id: str) -> str:
    """Return the name of a tracked model's profile, which ends in four digits of a hash of the id that it copies."""
    return f"{base_name}_{alias}_{sha256(copied_id.encode()).hexdigest()[:4]}"


def profile_tags(tenant: Tenant, alias: str) -> dict[str, str]:
    """Return the tags by which policies identify the tenant's profile for the alias."""
    return {"alias": alias, "environment": tenant.environment.name, "tenant": tenant.name}


def _alias(tenant: Tenant, alias: str, model: Stanza) -> Predicate:
    """The model by itself or, with a profile, the profile and, only through it, the models behind it."""
    env = tenant.environment
    actions = OneOf("action", INVOKE, *([] if model.get("streaming") is False else [STREAM]))
    models: Predicate = OneOf(
        "resource", *(_model_arn(tenant, model, region) for region in _regions(model))
    )
    if _route(model) == "global":
        # A global profile calls the model by an ARN that has no Region:
        # https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
        global_model = OneOf("resource", _model_arn(tenant, model, ""))
        models = AnyOf(models, AllOf(global_model, OneOf("aws:requestedregion", "unspecified")))
    if model.get("track"):
        prefix = (
            f"arn:{env.partition}:bedrock:{env.region}:{env.account}:application-inference-profile/"
        )
        tags = profile_tags(tenant, alias).items()
        tag_tests = (OneOf(f"aws:resourcetag/{tag}", text) for tag, text in tags)
        profile: Predicate = AllOf(StartsWith("resource", prefix), *tag_tests)
        via_profile: Predicate = StartsWith("bedrock:inferenceprofilearn", prefix)
    elif _route(model) == "on-demand":
        return AllOf(actions, models)
    else:
        arns = [_system_profile_arn(tenant, model, region) for region in model["regions"]]
        profile = OneOf("resource", *arns)
        via_profile = OneOf("bedrock:inferenceprofilearn", *arns)
    return AllOf(actions, AnyOf(profile, AllOf(models, via_profile)))


def _default_project(tenant: Tenant) -> list[Predicate]:
    """Calls use the default project of the operations account in the Regions that they are sent to.

    Each call is authorized on its project too, by the action that authorizes it on the model or profile:
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
    """
    env = tenant.environment
    regions_by_action: dict[str, list[str]] = {INVOKE: [], STREAM: []}
    for _, model in granted_models(tenant.stanza):
        regions_by_action[INVOKE] += model["regions"]
        if model.get("streaming") is not False:
            regions_by_action[STREAM] += model["regions"]
    return [
        AllOf(
            OneOf("action", action),
            OneOf(
                "resource",
                *(
                    f"arn:{env.partition}:bedrock:{region}:{env.account}:project/default"
                    for region in sorted(set(regions))
                ),
            ),
        )
        for action, regions in regions_by_action.items()
        if regions
    ]


def _token_counts(tenant: Tenant) -> list[Predicate]:
    """Bedrock may count tokens for the models that say so, in the Regions in which they may be called.

    It is authorized on the model even if calls go through a profile, and takes no guardrail:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
    """
    arns = [
        _model_arn(tenant, model, region)
        for _, model in granted_models(tenant.stanza)
        if model.get("count_tokens")
        for region in model["regions"]
    ]
    return [AllOf(OneOf("action", COUNT), OneOf("resource", *arns))] if arns else []


def _own_usage(tenant: Tenant) -> list[Predicate]:
    """A tenant with a quota may read its own counts, where a guard keeps them."""
    env = tenant.environment
    if env.guard is None or not has_limit(tenant.stanza):
        return []
    arn = f"arn:{env.partition}:ssm:{env.region}:{env.account}:parameter/bedrock/{env.name}/usage/{tenant.name}"
    return [AllOf(OneOf("action", "ssm:GetParameter"), OneOf("resource", arn))]


def limits(quota: Stanza) -> dict[str, float]:
    """Return the limits that a quota, of a stanza or of one alias, has."""
    return {name: quota[name] for name in LIMITS if quota.get(name) is not None}


def has_limit(stanza: Stanza) -> bool:
    """Whether the guard enforces anything for a tenant."""
    quota = stanza.get("quota") or {}
    return any(limits(each) for each in (quota, *(quota.get("aliases") or {}).values()))


def _perimeter(perimeter: Stanza | None) -> list[Predicate]:
    """Calls come from the perimeter's networks or VPC endpoints; without a perimeter, from anywhere."""
    if not perimeter:
        return []
    sources: list[Predicate] = []
    if perimeter.get("networks"):
        sources.append(InNetwork("aws:sourceip", tuple(perimeter["networks"])))
    if perimeter.get("vpc_endpoints"):
        sources.append(OneOf("aws:sourcevpce", *perimeter["vpc_endpoints"]))
    return [AnyOf(*sources)]


def _route(model: Stanza) -> str:
    return model.get("route") or "on-demand"


def _regions(model: Stanza) -> list[str]:
    """Return the Regions in which the model may run."""
    return sorted({*model["regions"], *destinations(model)})


def destinations(model: Stanza) -> list[str]:
    """Return the Regions to which a geographic profile may send a call; none for another route."""
    if _route(model) != "geographic":
        return []
    return model.get("destinations") or DESTINATIONS.get(model.get("profile") or "", "").split()


def called_id(model: Stanza) -> str:
    """Return the id by which the model is called: its own, or the system profile's."""
    prefixes = {"geographic": model.get("profile") or "", "global": "global."}
    return f"{prefixes.get(_route(model), '')}{model['model']}"


def _guardrails(tenant: Tenant) -> list[tuple[str, str] | None]:
    """Return ARN and version of each guardrail that calls may name; None stands for calls without one."""
    guardrail = tenant.stanza.get("guardrail")
    if not guardrail:
        return []
    guardrails: list[tuple[str, str] | None] = [(guardrail["arn"], guardrail["version"])]
    previous = guardrail.get("previous")
    if previous is not None:
        pair = (previous.get("arn") or "", previous.get("version") or "")
        guardrails.append(pair if any(pair) else None)
    return guardrails


def _model_arn(tenant: Tenant, model: Stanza, region: str) -> str:
    return f"arn:{tenant.environment.partition}:bedrock:{region}::foundation-model/{model['model']}"


def _system_profile_arn(tenant: Tenant, model: Stanza, region: str) -> str:
    env = tenant.environment
    return (
        f"arn:{env.partition}:bedrock:{region}:{env.account}:inference-profile/{called_id(model)}"
    )


def _profile_source(tenant: Tenant, model: Stanza) -> str:
    region = tenant.environment.region
    if _route(model) == "on-demand":
        return _model_arn(tenant, model, region)
    return _system_profile_arn(tenant, model, region)
