"""Specify what the guard of an environment may do, and what the policies deny that it attaches to tenants' roles.

This is independent of modules/operations-guard, as the other specifications are of their modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.isolation.operations_specification import APPLY_GUARDRAIL, COUNT, INVOKE, STREAM
from tools.isolation.predicate import (
    AllOf,
    AnyOf,
    EachOf,
    InOrder,
    Not,
    OneOf,
    Predicate,
    StartsWith,
)

if TYPE_CHECKING:
    from tools.isolation.operations_specification import Environment

# Its roles.
GUARD, LEASE, SCHEDULER = "guard", "lease", "scheduler"
FORWARDER, VERIFICATION = "forwarder", "verification"
REACHED = "quota-reached"  # the tag of a profile of an alias whose quota is reached
QUOTA, ALIAS = "quota-reached", "alias-quota-reached"  # the policies, after bedrock-<environment>-

# What a tenant's role can be granted of Bedrock.
INFERENCE = (APPLY_GUARDRAIL, COUNT, INVOKE, STREAM)

# Whatever the specifications of the guard's roles say, none of these is theirs: to call a model, to read a record, to
# act as somebody else, or to decide what anybody may do beside attaching the two denials.
_NEVER = (
    *(
        "bedrock:invoke",
        "bedrock:converse",
        "bedrock:counttokens",
        "bedrock:apply",
        "bedrock:create",
    ),
    *("bedrock:put", "bedrock:delete", "bedrock:start", "bedrock:update", "bedrock-"),
    *(
        "dynamodb:",
        "ec2:",
        "firehose:",
        "kinesis:",
        "kms:",
        "organizations:",
        "s3:",
        "secretsmanager:",
        "sqs:",
        "sts:",
    ),
    *(
        "iam:add",
        "iam:create",
        "iam:delete",
        "iam:put",
        "iam:set",
        "iam:tag",
        "iam:untag",
        "iam:update",
    ),
    *(
        "iam:attachg",
        "iam:attachu",
        "lambda:add",
        "lambda:create",
        "lambda:delete",
        "lambda:get",
        "lambda:update",
    ),
    *("logs:describe", "logs:filter", "logs:get", "logs:startl", "logs:startq", "logs:unmask"),
    *(
        "logs:associate",
        "logs:createe",
        "logs:createl",
        "logs:delete",
        "logs:putd",
        "logs:putr",
        "logs:puts",
    ),
)
# logs:CreateLogStream begins as logs:CreateLogGroup does.
_OWN_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
_ORGANIZATION = (
    "organizations:DescribeOrganization",
    "organizations:DescribePolicy",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
)
# What a verification asks in any Region: settings, lists and names, and CloudTrail's events, which have no content.
_VERIFIED = (
    *("bedrock:GetAccountDataRetention", "bedrock:GetAccountDataRetentionStorage"),
    "bedrock:GetModelInvocationLoggingConfiguration",
    *("bedrock:ListAdvancedPromptOptimizationJobs", "bedrock:ListAgents"),
    *("bedrock:ListAsyncInvokes", "bedrock:ListCustomModels", "bedrock:ListEvaluationJobs"),
    *("bedrock:ListFlows", "bedrock:ListImportedModels", "bedrock:ListKnowledgeBases"),
    *("bedrock:ListModelCustomizationJobs", "bedrock:ListModelImportJobs"),
    *("bedrock:ListModelInvocationJobs", "bedrock:ListProjects", "bedrock:ListPrompts"),
    "bedrock:ListSessions",
    "bedrock:ListTrustedAccessPrograms",
    "cloudtrail:LookupEvents",
    "iam:GetAccountAuthorizationDetails",
    *_ORGANIZATION,
)


_SERVICES = {FORWARDER: "events.amazonaws.com", SCHEDULER: "scheduler.amazonaws.com"}


def has_lease(env: Environment) -> bool:
    """Whether tenants with a quota are stopped when the guard does not run."""
    return ((env.guard or {}).get("on_failure") or "open") == "closed"


def guard_name(env: Environment, role: str = GUARD) -> str:
    """Return the name of one of its roles, and of the function that runs as the role."""
    suffix = {GUARD: "", FORWARDER: "-events"}.get(role, f"-{role}")
    return f"bedrock-{env.name}_guard{suffix}"


def guard_roles(env: Environment) -> dict[str, tuple[Predicate, Predicate]]:
    """Return who may assume each of its roles, and what it may do; none without a guard."""
    if env.guard is None:
        return {}
    roles = {GUARD: _guard(env), SCHEDULER: _scheduler(env), VERIFICATION: _verification(env)}
    if has_lease(env):
        roles[LEASE] = _lease(env)
    if (
        env.guard.get("access_rules") is not False
        and iam_events_region(env.partition, env.region) != env.region
    ):
        roles[FORWARDER] = _forwarder(env)
    return {role: (_trust(env, role), permissions) for role, permissions in roles.items()}


def denial_arns(env: Environment) -> dict[str, str]:
    """Return the ARNs of the policies that may be attached to a tenant's role; none without a guard."""
    if env.guard is None:
        return {}
    prefix = f"arn:{env.partition}:iam::{env.account}:policy/bedrock-{env.name}-"
    return {name: f"{prefix}{name}" for name in (QUOTA, ALIAS)}


def denials() -> dict[str, Predicate]:
    """Return what each of these policies denies: all inference, or that through a marked profile."""
    inference = OneOf("action", *INFERENCE)
    return {
        QUOTA: inference,
        ALIAS: AllOf(inference, OneOf(f"aws:resourcetag/{REACHED}", "true")),
    }


def never() -> Predicate:
    """What none of the guard's roles may do, whatever the predicates above are."""
    prefixes = (StartsWith("action", prefix) for prefix in _NEVER)
    return AllOf(AnyOf(*prefixes), Not(OneOf("action", *_OWN_LOG, *_ORGANIZATION)))


def event_buses(env: Environment) -> list[str]:
    """Return the ARNs of the buses that the guard may send events to: the account's own, and the customers'."""
    quotas = (stanza.get("quota") or {} for stanza in env.tenants.values())
    customers = {quota["event_bus"] for quota in quotas if quota.get("event_bus")}
    return [regional_arn(env, "events", "event-bus/default"), *sorted(customers)]


def iam_events_region(partition: str, region: str) -> str:
    """Return the Region that has the events of IAM and of STS's global endpoint; ``region`` where none is known.

    https://repost.aws/knowledge-center/use-eventbridge-rule-across-regions
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html
    """
    known = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
    return known.get(partition, region)


def regional_arn(env: Environment, service: str, resource: str) -> str:
    """Return the ARN of something in the operations Region of the operations account."""
    return f"arn:{env.partition}:{service}:{env.region}:{env.account}:{resource}"


def metric_namespace(env: Environment) -> str:
    """Return the namespace of the metrics of an environment's verification."""
    return f"TenantBedrock/{env.name}"


def lambda_arn(env: Environment, role: str) -> str:
    """Return the ARN of the function that runs as one of its roles."""
    return regional_arn(env, "lambda", f"function:{guard_name(env, role)}")


def _trust(env: Environment, role: str) -> Predicate:
    """Lambda runs as the roles of functions; Scheduler and EventBridge as their own, for this account."""
    assume = OneOf("action", "sts:AssumeRole")
    if role not in _SERVICES:
        return AllOf(assume, OneOf("caller.service", "lambda.amazonaws.com"))
    service = OneOf("caller.service", _SERVICES[role])
    return AllOf(assume, service, OneOf("aws:sourceaccount", env.account))


def _guard(env: Environment) -> Predicate:
    profiles = StartsWith(
        "resource", regional_arn(env, "bedrock", "application-inference-profile/")
    )
    usage = regional_arn(env, "ssm", f"parameter/bedrock/{env.name}/usage")
    parameters = StartsWith("resource", f"{usage}/")
    arns = tuple(denial_arns(env).values())
    rights: list[Predicate] = [
        OneOf("action", "bedrock:ListInferenceProfiles", "cloudwatch:GetMetricData"),
        AllOf(OneOf("action", "bedrock:ListTagsForResource"), profiles),
        AllOf(
            OneOf("action", "bedrock:TagResource", "bedrock:UntagResource"),
            profiles,
            EachOf("aws:tagkeys", REACHED),
            OneOf("aws:resourcetag/environment", env.name),
        ),
        _attach(env, ("iam:AttachRolePolicy", "iam:DetachRolePolicy"), arns),
        AllOf(OneOf("action", "iam:ListEntitiesForPolicy"), OneOf("resource", *arns)),
        AllOf(
            OneOf(
                "action",
                "ssm:GetParameter",
                "ssm:GetParameters",
                "ssm:PutParameter",
            ),
            parameters,
        ),
        _publish(env),
        AllOf(OneOf("action", "events:PutEvents"), OneOf("resource", *event_buses(env))),
        _own_log(env, GUARD),
    ]
    if has_lease(env):
        schedules = regional_arn(env, "scheduler", f"schedule/default/bedrock-{env.name}-lease-")
        scheduler = env.role_arn(env.account, guard_name(env, SCHEDULER))
        rights += [
            AllOf(OneOf("action", "scheduler:UpdateSchedule"), StartsWith("resource", schedules)),
            AllOf(
                OneOf("action", "iam:PassRole"),
                OneOf("resource", scheduler),
                OneOf("iam:passedtoservice", "scheduler.amazonaws.com"),
            ),
        ]
    return AnyOf(*rights)


def _lease(env: Environment) -> Predicate:
    arn = denial_arns(env)[QUOTA]
    return AnyOf(
        _attach(env, ("iam:AttachRolePolicy",), (arn,)), _publish(env), _own_log(env, LEASE)
    )


def _scheduler(env: Environment) -> Predicate:
    roles = (GUARD, VERIFICATION, *([LEASE] if has_lease(env) else []))
    functions = [lambda_arn(env, role) for role in roles]
    return AllOf(OneOf("action", "lambda:InvokeFunction"), OneOf("resource", *functions))


def _verification(env: Environment) -> Predicate:
    """It reads, writes the metrics of its environment, and tells; there is nothing that it could change."""
    metrics = OneOf("action", "cloudwatch:PutMetricData")
    profiles = (f"arn:{env.partition}:bedrock:", f":{env.account}:inference-profile/")
    return AnyOf(
        OneOf("action", *_VERIFIED),
        AllOf(OneOf("action", "bedrock:GetInferenceProfile"), InOrder("resource", *profiles)),
        AllOf(metrics, OneOf("cloudwatch:namespace", metric_namespace(env))),
        _publish(env),
        _own_log(env, VERIFICATION),
    )


def _forwarder(env: Environment) -> Predicate:
    return AllOf(OneOf("action", "events:PutEvents"), OneOf("resource", event_buses(env)[0]))


def _attach(env: Environment, actions: tuple[str, ...], arns: tuple[str, ...]) -> Predicate:
    roles = StartsWith("resource", env.role_arn(env.account, f"bedrock-{env.name}-"))
    return AllOf(OneOf("action", *actions), roles, OneOf("iam:policyarn", *arns))


def _publish(env: Environment) -> Predicate:
    topic = regional_arn(env, "sns", guard_name(env))
    return AllOf(OneOf("action", "sns:Publish"), OneOf("resource", topic))


def _own_log(env: Environment, role: str) -> Predicate:
    streams = regional_arn(
        env, "logs", f"log-group:/aws/lambda/{guard_name(env, role)}:log-stream:"
    )
    return AllOf(OneOf("action", *_OWN_LOG), StartsWith("resource", streams))
