"""Tenants with quotas in an operations account on a local AWS, set up with boto3 instead of Terraform.

The guard's role has the permissions that modules/operations-guard gives it, so a run that works here needs no others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from operations_guard.guard_input import read_guard_input
from operations_guard.guard_settings import GuardSettings, LeaseSettings
from operations_guard.quota_sweep import QuotaSweep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations_guard.quota_sweep import SweepResult
    from tools.localaws.control import Control

ACCOUNT = "111111111111"
REGION = "eu-central-1"
ENVIRONMENT = "dev"
MODEL = "amazon.nova-lite-v1:0"
MODEL_ARN = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"
GUARD = f"bedrock-{ENVIRONMENT}_guard"
QUOTA_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-{ENVIRONMENT}-quota-reached"
ALIAS_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-{ENVIRONMENT}-alias-quota-reached"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{GUARD}"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
LEASE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{GUARD}-scheduler"
LEASE_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{GUARD}-lease"
INFERENCE = [
    "bedrock:ApplyGuardrail",
    "bedrock:CountTokens",
    "bedrock:InvokeModel",
    "bedrock:InvokeModelWithResponseStream",
]
_PROFILES = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/*"
_USAGE = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/bedrock/{ENVIRONMENT}/usage"
_ROLES = f"arn:aws:iam::{ACCOUNT}:role/bedrock-{ENVIRONMENT}-*"
PERMISSIONS: list[dict[str, Any]] = [
    {"Action": ["bedrock:ListInferenceProfiles", "cloudwatch:GetMetricData"], "Resource": "*"},
    {"Action": "bedrock:ListTagsForResource", "Resource": _PROFILES},
    {
        "Action": ["bedrock:TagResource", "bedrock:UntagResource"],
        "Resource": _PROFILES,
        "Condition": {
            "ForAllValues:StringEquals": {"aws:TagKeys": "quota-reached"},
            "Null": {"aws:TagKeys": "false"},
            "StringEquals": {"aws:ResourceTag/environment": ENVIRONMENT},
        },
    },
    {
        "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
        "Resource": _ROLES,
        "Condition": {"ArnEquals": {"iam:PolicyARN": [ALIAS_POLICY, QUOTA_POLICY]}},
    },
    {"Action": "iam:ListEntitiesForPolicy", "Resource": [ALIAS_POLICY, QUOTA_POLICY]},
    {
        "Action": ["ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter"],
        "Resource": f"{_USAGE}/*",
    },
    {"Action": "sns:Publish", "Resource": TOPIC},
    {"Action": "events:PutEvents", "Resource": BUS},
    {
        "Action": "scheduler:UpdateSchedule",
        "Resource": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/bedrock-{ENVIRONMENT}-lease-*",
    },
    {
        "Action": "iam:PassRole",
        "Resource": LEASE_ROLE,
        "Condition": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
    },
]


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy; a statement without Effect is an Allow."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **statement} for statement in statements],
        }
    )


def settings(lease_minutes: float | None = None) -> GuardSettings:
    """Return the guard's settings, with a lease if it has minutes."""
    lease = LeaseSettings(lease_minutes, LEASE_FUNCTION, LEASE_ROLE) if lease_minutes else None
    return GuardSettings(ENVIRONMENT, QUOTA_POLICY, ALIAS_POLICY, TOPIC, BUS, lease)


@dataclass
class GuardedTenants:
    """The operations account, its tenants' profiles by (tenant, alias), and the guard."""

    control: Control
    profiles: dict[tuple[str, str], str] = field(default_factory=dict)
    _guard_clients: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def admin(self) -> boto3.Session:
        """A session that may do everything in the operations account."""
        keys = self.control.account(ACCOUNT)
        return boto3.Session(keys.access_key_id, keys.secret_access_key, region_name=REGION)

    def client(self, service: str, session: boto3.Session | None = None) -> Any:  # noqa: ANN401
        """Return a client, by default an administrator's."""
        connect: Any = (session or self.admin).client  # typed by the name of every service
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=10)
        return connect(service, endpoint_url=self.control.endpoint, config=config)

    def prepare(self) -> None:
        """Make the two policies, the topic and the guard's role."""
        iam = self.client("iam")
        denial = {"Effect": "Deny", "Action": INFERENCE, "Resource": "*"}
        tagged = {"Condition": {"StringEquals": {"aws:ResourceTag/quota-reached": "true"}}}
        for arn, statement in ((QUOTA_POLICY, denial), (ALIAS_POLICY, {**denial, **tagged})):
            iam.create_policy(PolicyName=arn.rpartition("/")[2], PolicyDocument=document(statement))
        self.client("sns").create_topic(Name=GUARD)
        self._role(GUARD, *PERMISSIONS)

    def add_tenant(self, name: str, *aliases: str) -> None:
        """Make a tenant's role and a profile for each alias, as modules/operations-role does."""
        for alias in aliases:
            created = self.client("bedrock").create_inference_profile(
                inferenceProfileName=f"bedrock-{ENVIRONMENT}-{name}_{alias}_ab12",
                modelSource={"copyFrom": MODEL_ARN},
                tags=[
                    {"key": "environment", "value": ENVIRONMENT},
                    {"key": "tenant", "value": name},
                ],
            )
            self.profiles[name, alias] = created["inferenceProfileArn"]
        own = [arn for (tenant, _), arn in self.profiles.items() if tenant == name]
        self._role(
            f"bedrock-{ENVIRONMENT}-{name}",
            {"Action": INFERENCE[2:], "Resource": own},
            {
                "Action": INFERENCE[2:],
                "Resource": [MODEL_ARN, f"arn:aws:bedrock:{REGION}:{ACCOUNT}:project/default"],
            },
            {"Action": "ssm:GetParameter", "Resource": f"{_USAGE}/{name}"},
        )

    def session(self, role: str, name: str) -> boto3.Session:
        """Return a session of a role."""
        keys = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName=name
        )["Credentials"]
        return boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION
        )

    def guard_client(self, service: str) -> Any:  # noqa: ANN401 - as the handler's
        """Return a client of the guard's role."""
        if service not in self._guard_clients:
            self._guard_clients[service] = self.client(service, self._guard_session)
        return self._guard_clients[service]

    @cached_property
    def _guard_session(self) -> boto3.Session:
        return self.session(GUARD, "guard")

    def renew(self) -> None:
        """Give the guard new keys, because the old ones have expired after a jump of the clock."""
        self._guard_clients.clear()
        self.__dict__.pop("_guard_session", None)

    def sweep(self, event: object, lease_minutes: float | None = None) -> SweepResult:
        """Run the guard once."""
        return QuotaSweep(self.guard_client, settings(lease_minutes), read_guard_input(event)).run()

    def use(self, tenant: str, alias: str, tokens: float, *, by_id: bool = False) -> None:
        """Count input tokens of one call, as Bedrock does."""
        arn = self.profiles[tenant, alias]
        counts = {
            "account": ACCOUNT,
            "region": REGION,
            "model_id": arn.rpartition("/")[2] if by_id else arn,
            "values": {"Invocations": 1, "InputTokenCount": tokens},
        }
        self.control.post("bedrock_counts", counts)

    def _role(self, name: str, *statements: Mapping[str, Any]) -> None:
        iam = self.client("iam")
        trust = {"Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        iam.put_role_policy(
            RoleName=name, PolicyName="grants", PolicyDocument=document(*statements)
        )


def event(tenants: Mapping[str, Mapping[str, Any]], **members: object) -> dict[str, Any]:
    """Return the input of a schedule, as environments/operations/guard.tf writes it."""
    return {
        "environment": ENVIRONMENT,
        "minutes": 5,
        "prices": {},
        "shard": 0,
        "shards": 1,
        "tenants": tenants,
        **members,
    }


def quota(
    *aliases: str, by_alias: Mapping[str, Mapping[str, float]] | None = None, **limits: float
) -> dict[str, Any]:
    """Return what a schedule's input says of a tenant."""
    return {
        "aliases": {
            alias: {"limits": dict((by_alias or {}).get(alias, {})), "models": [MODEL]}
            for alias in aliases
        },
        "limits": limits,
        "state": "active",
        "time_zone": "UTC",
        "warn_at": [50, 80, 95],
    }
