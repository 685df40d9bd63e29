"""What a tenant's stanza means in the operations account, said without the Terraform that renders it.

Two people wrote this and modules/operations-role; where they differ, one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any as Anything

import boto3

from tools.isolation.predicate import NOTHING, All, Any, Begins, Is, Predicate, Within

Stanza = Mapping[str, Anything]

# Converse and ConverseStream are authorized as these:
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
INVOKE = "bedrock:InvokeModel"
STREAM = "bedrock:InvokeModelWithResponseStream"
APPLY_GUARDRAIL = "bedrock:ApplyGuardrail"

# Where AWS may send a call made through a geographic profile, beside the Region called.
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
    """The partition of a Region, by botocore's table."""
    partition: str = boto3.Session().get_partition_for_region(region)
    return partition


@dataclass(frozen=True)
class Environment:
    """The variables of an environment, as its plan has them: defaults are not filled in."""

    name: str
    partition: str
    account: str
    region: str
    tenants: Mapping[str, Stanza]
    shared_accounts: frozenset[str]

    @classmethod
    def of(cls, variables: Mapping[str, Anything]) -> Environment:
        """Read the variables; KeyError where one is missing."""
        operations = variables["operations"]
        return cls(
            name=variables["environment"],
            partition=partition_of(operations["region"]),
            account=str(operations["account_id"]),
            region=operations["region"],
            tenants=variables["tenants"],
            shared_accounts=frozenset(variables.get("accounts_with_several_tenants") or ()),
        )

    def role_arn(self, account: str, name: str) -> str:
        """The ARN of a role."""
        return f"arn:{self.partition}:iam::{account}:role/{name}"


@dataclass(frozen=True)
class Tenant:
    """One stanza in its environment."""

    environment: Environment
    name: str

    @property
    def stanza(self) -> Stanza:
        """What the environment's tenants says of it."""
        return self.environment.tenants[self.name]

    @property
    def base_name(self) -> str:
        """The name of its role, and the beginning of every other."""
        return f"bedrock-{self.environment.name}-{self.name}"

    @property
    def role_arn(self) -> str:
        """Its role in the operations account."""
        return self.environment.role_arn(self.environment.account, self.base_name)

    @property
    def callers(self) -> dict[str, str]:
        """By account, the only role in it that may act as the tenant."""
        return {
            account: self.environment.role_arn(account, f"{self.base_name}-execution")
            for account in self.stanza["accounts"]
        }

    @property
    def external_ids(self) -> tuple[str, ...]:
        """The ExternalIds that are its own: two while one is being rotated."""
        given = self.stanza["external_ids"]
        return tuple(given[name] for name in ("current", "previous") if given.get(name))

    @property
    def active(self) -> bool:
        """Whether it may call anything now."""
        return (self.stanza.get("state") or "active") == "active"


@dataclass(frozen=True)
class Profile:
    """An application inference profile that must exist: the policy knows it by its tags."""

    name: str
    copied_from: str
    tags: Mapping[str, str]


def trust(tenant: Tenant) -> Predicate:
    """Who may assume its role: by account its one caller, with its ExternalId and session name."""
    return All(
        (
            Is("action", ("sts:AssumeRole",)),
            Any(
                tuple(
                    All((Is("aws:principalaccount", (account,)), Is("aws:principalarn", (role,))))
                    for account, role in tenant.callers.items()
                )
            ),
            Is("sts:externalid", tenant.external_ids),
            Is("sts:rolesessionname", (tenant.name,)),
        )
    )


def permissions(tenant: Tenant) -> Predicate:
    """What its role may do: every alias by its route, within the guardrail and the perimeter."""
    if not tenant.active:
        return NOTHING
    guardrail = tenant.stanza.get("guardrail")
    guarded = (
        [Is("bedrock:guardrailidentifier", (f"{guardrail['arn']}:{guardrail['version']}",))]
        if guardrail
        else []
    )
    aliases = [
        All((*guarded, _alias(tenant, alias, granted)))
        for alias, granted in tenant.stanza["models"].items()
    ]
    applied = [
        All((Is("action", (APPLY_GUARDRAIL,)), Is("resource", (given["arn"],))))
        for given in [guardrail]
        if given
    ]
    perimeter = _perimeter(tenant.stanza.get("perimeter"))
    return Any(tuple(All((*perimeter, granted)) for granted in [*applied, *aliases]))


def profiles(tenant: Tenant) -> list[Profile]:
    """The profiles that are its own, one for each tracked alias, active or not."""
    return [
        Profile(
            name=f"{tenant.base_name}_{alias}",
            copied_from=_copied_from(tenant, granted),
            tags={"alias": alias, "environment": tenant.environment.name, "tenant": tenant.name},
        )
        for alias, granted in tenant.stanza["models"].items()
        if granted.get("track")
    ]


def _alias(tenant: Tenant, alias: str, granted: Stanza) -> Predicate:
    """A model called directly; or a profile and, only behind it, the model where it may lead."""
    env = tenant.environment
    streaming = granted.get("streaming")
    actions = Is("action", (INVOKE,) if streaming is False else (INVOKE, STREAM))
    models = Is("resource", tuple(_model(tenant, granted, r) for r in _regions(granted)))
    anywhere = All(
        (
            Is("resource", (_model(tenant, granted, ""),)),
            Is("aws:requestedregion", ("unspecified",)),
        )
    )
    reached: Predicate = Any((models, anywhere)) if _route(granted) == "global" else models
    if granted.get("track"):
        own = (
            f"arn:{env.partition}:bedrock:{env.region}:{env.account}:application-inference-profile/"
        )
        tags = {"alias": alias, "environment": env.name, "tenant": tenant.name}
        carries = (Is(f"aws:resourcetag/{tag}", (text,)) for tag, text in tags.items())
        profile: Predicate = All((Begins("resource", own), *carries))
        behind: Predicate = Begins("bedrock:inferenceprofilearn", own)
    elif _route(granted) == "on-demand":
        return All((actions, models))
    else:
        systems = tuple(_system_profile(tenant, granted, r) for r in granted["regions"])
        profile = Is("resource", systems)
        behind = Is("bedrock:inferenceprofilearn", systems)
    return All((actions, Any((profile, All((reached, behind))))))


def _perimeter(given: Stanza | None) -> list[Predicate]:
    """From its networks or through its VPC endpoints, where it names any."""
    if not given:
        return []
    inside: list[Predicate] = []
    if given.get("networks"):
        inside.append(Within("aws:sourceip", tuple(given["networks"])))
    if given.get("vpc_endpoints"):
        inside.append(Is("aws:sourcevpce", tuple(given["vpc_endpoints"])))
    return [Any(tuple(inside))]


def _route(granted: Stanza) -> str:
    return granted.get("route") or "on-demand"


def _regions(granted: Stanza) -> list[str]:
    """Where the model itself may run."""
    leads_to: list[str] = []
    if _route(granted) == "geographic":
        leads_to = granted.get("destinations") or DESTINATIONS.get(granted["profile"], "").split()
    return sorted({*granted["regions"], *leads_to})


def _model(tenant: Tenant, granted: Stanza, region: str) -> str:
    return (
        f"arn:{tenant.environment.partition}:bedrock:{region}::foundation-model/{granted['model']}"
    )


def _system_profile(tenant: Tenant, granted: Stanza, region: str) -> str:
    env = tenant.environment
    prefix = "global." if _route(granted) == "global" else granted["profile"]
    return f"arn:{env.partition}:bedrock:{region}:{env.account}:inference-profile/{prefix}{granted['model']}"


def _copied_from(tenant: Tenant, granted: Stanza) -> str:
    region = tenant.environment.region
    if _route(granted) == "on-demand":
        return _model(tenant, granted, region)
    return _system_profile(tenant, granted, region)
