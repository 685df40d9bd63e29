"""Specify every argument of the resources of an environment's guard, which enforces quotas and verifies every day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.isolation import guard_specification as guard
from tools.isolation.guard_notifications import guard_notifications
from tools.isolation.guard_specification import (
    FORWARDER,
    GUARD,
    LEASE,
    SCHEDULER,
    VERIFICATION,
    guard_name,
    lambda_arn,
    regional_arn,
)
from tools.isolation.operations_specification import (
    called_id,
    granted_models,
    limits,
)
from tools.isolation.resource_specification import (
    AnyText,
    ByClaim,
    Computed,
    Default,
    Json,
    Matching,
    ResourceSpecification,
    function_arguments,
    guard_resource,
    role_arguments,
    role_policies,
    tag_arguments,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.isolation.operations_specification import Environment, Stanza
    from tools.isolation.resource_specification import Arguments

SUBJECT = "operations"
_PACKAGE = "./../../build/operations-guard-py3.13.zip"
_HANDLERS = {
    GUARD: "operations_guard.handler.handler",
    LEASE: "operations_guard.lease_end.handler",
    VERIFICATION: "operations_guard.daily_verification.handler",
}
_SECONDS = {GUARD: 300, LEASE: 300, VERIFICATION: 900}
_MINUTES, _LEASE_MINUTES = 5, 30  # what an environment has if it says nothing
_WARN_AT = (50, 80, 95)


def guard_resources(env: Environment, *, whole: bool) -> Iterator[ResourceSpecification]:
    """Yield what a shard has of the guard; of a plan that is not ``whole``, the schedules of its tenants alone."""
    if env.guard is None:
        return
    for name, schedule in _schedules(env).items():
        yield guard_resource(env, "aws_scheduler_schedule", name, schedule, tagged=False)
    if whole and guard.has_lease(env):
        lease = _lease_schedule(env)
        yield guard_resource(
            env, "aws_scheduler_schedule", _name(env, "lease"), lease, tagged=False
        )
    if whole and env.shard == 0:
        yield from _once(env)


def _once(env: Environment) -> Iterator[ResourceSpecification]:
    """Yield what the environment has once, in the first shard's state."""
    boundary = (env.guard or {}).get("permissions_boundary")
    for role in guard.guard_roles(env):
        name = guard_name(env, role)
        arguments = {**role_arguments(env, env.account, name, boundary), **tag_arguments(env, {})}
        yield ResourceSpecification("aws_iam_role", name, SUBJECT, arguments)
        yield from role_policies(name, role, SUBJECT)
        if role not in (FORWARDER, SCHEDULER):
            yield guard_resource(env, "aws_lambda_function", name, _function(env, role))
            group = f"/aws/lambda/{name}"
            yield guard_resource(env, "aws_cloudwatch_log_group", group, _log_group(env, group))
    for arn in guard.denial_arns(env).values():
        name = arn.rpartition("/")[2]
        policy = {**_denial(arn, name), **tag_arguments(env, {})}
        yield ResourceSpecification("aws_iam_policy", name, SUBJECT, policy)
    yield from guard_notifications(env, _minutes(env))


def _name(env: Environment, kind: str) -> str:
    return f"bedrock-{env.name}-{kind}-{env.shard}"


def _minutes(env: Environment) -> int:
    minutes: int = (env.guard or {}).get("minutes") or _MINUTES
    return minutes


# --- schedules ---


def _schedules(env: Environment) -> Mapping[str, Arguments]:
    """Return the schedules that every shard has, by their names."""
    minutes = _minutes(env)
    rate = "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"
    quotas, verification = _name(env, "quotas"), _name(env, "verification")
    return {
        quotas: _schedule(env, quotas, rate, _target(env, GUARD, quota_input(env), 60 * minutes)),
        verification: _schedule(
            env,
            verification,
            "rate(1 day)",
            _target(env, VERIFICATION, verification_input(env), 3600),
        ),
    }


def _target(
    env: Environment, role: str, content: Mapping[str, Any], seconds: int
) -> Mapping[str, Any]:
    """Return a function that is invoked twice more within some seconds, if Lambda does not take the first."""
    return {
        "arn": lambda_arn(env, role),
        "input": Json(content),
        "retry_policy": [{"maximum_event_age_in_seconds": seconds, "maximum_retry_attempts": 2}],
    }


def _lease_schedule(env: Environment) -> Arguments:
    """When it ends, and whom that stops, is the guard's to say: the role of the function decides what can happen."""
    time = Matching(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
    # AWS has this retry policy for a schedule that names none.
    retries = Default([{"maximum_event_age_in_seconds": 86400, "maximum_retry_attempts": 185}])
    target = {"arn": lambda_arn(env, LEASE), "input": AnyText(), "retry_policy": retries}
    return _schedule(env, _name(env, "lease"), time, target)


def _schedule(
    env: Environment, name: str, time: str | Matching, target: Mapping[str, Any]
) -> Arguments:
    return {
        "action_after_completion": Default("NONE"),
        "arn": Computed(regional_arn(env, "scheduler", f"schedule/default/{name}")),
        "description": AnyText(),
        "flexible_time_window": [{"mode": "OFF"}],
        "group_name": Default("default"),
        "id": Computed(f"default/{name}"),
        "name": name,
        "name_prefix": Default(""),
        "schedule_expression": time,
        "schedule_expression_timezone": "UTC",
        "state": "ENABLED",
        "target": [
            {
                **target,
                "role_arn": env.role_arn(env.account, guard_name(env, SCHEDULER)),
                **dict.fromkeys(_OTHER_TARGETS, Default([])),
            }
        ],
    }


# Blocks of a target that is no function; `terraform show` has them as empty lists.
_OTHER_TARGETS = (
    "dead_letter_config",
    "ecs_parameters",
    "eventbridge_parameters",
    "kinesis_parameters",
    "sagemaker_pipeline_parameters",
    "sqs_parameters",
)


def quota_input(env: Environment) -> Mapping[str, Any]:
    """Return what a shard's schedule tells the guard: every tenant of the shard, and the prices."""
    prices = (env.guard or {}).get("prices") or {}
    return {
        "environment": env.name,
        "minutes": _minutes(env),
        "prices": {model: _price(price) for model, price in prices.items()},
        "shard": env.shard,
        "shards": env.shards,
        "tokens_per_minute": (env.guard or {}).get("tokens_per_minute") or {},
        "tenants": {name: _limited(env.tenants[name]) for name in env.tenants_of_shard},
    }


def _price(price: Stanza) -> Mapping[str, float]:
    cached = ("cache_read", "cache_write")
    others = {name: price["input"] if price.get(name) is None else price[name] for name in cached}
    return {"input": price["input"], "output": price["output"], **others}


def _limited(stanza: Stanza) -> Mapping[str, Any]:
    """Return what the guard knows of a tenant, also of one without a limit."""
    quota = stanza.get("quota") or {}
    models: dict[str, list[Stanza]] = {}
    for alias, model in granted_models(stanza):
        models.setdefault(alias, []).append(model)
    aliases = quota.get("aliases") or {}
    warn_at = quota.get("warn_at")
    bus = {"event_bus": quota["event_bus"]} if quota.get("event_bus") else {}
    return {
        "aliases": {
            alias: {
                "limits": limits(aliases.get(alias) or {}),
                "models": list(dict.fromkeys(model["model"] for model in entries)),
            }
            for alias, entries in models.items()
            if any(model.get("track") for model in entries)
        },
        "limits": limits(quota),
        "state": stanza.get("state") or "active",
        "time_zone": quota.get("time_zone") or "UTC",
        "warn_at": list(_WARN_AT) if warn_at is None else warn_at,
        **bus,
    }


def verification_input(env: Environment) -> Mapping[str, Any]:
    """Return what a shard's schedule tells the verification: where calls may run, and the tenants' names."""
    stanzas = [env.tenants[name] for name in env.tenants_of_shard]
    models = [model for stanza in stanzas for _, model in granted_models(stanza)]
    regions = {env.region}
    profiles: dict[str, set[str]] = {}
    for model in models:
        regions.update(model["regions"], model.get("destinations") or ())
        if (model.get("route") or "on-demand") != "on-demand":
            for region in model["regions"]:
                profiles.setdefault(region, set()).add(called_id(model))
    accounts = [account for stanza in stanzas for account in stanza["accounts"].values()]
    return {
        "account": env.account,
        "environment": env.name,
        "partition": env.partition,
        "profiles": {region: sorted(ids) for region, ids in profiles.items()},
        "region": env.region,
        "regions": sorted(regions),
        "shard": env.shard,
        "shards": env.shards,
        "tenants": sorted(env.tenants_of_shard),
        "trail_regions": sorted(
            {env.region, *(each.get("region") or env.region for each in accounts)}
        ),
        "worldwide": any(model.get("route") == "global" for model in models),
    }


# --- functions ---


def _function(env: Environment, role: str) -> Arguments:
    return {
        **function_arguments(lambda_arn(env, role)),
        "architectures": ["arm64"],
        "environment": [{"variables": {"OPERATIONS_GUARD": Json(_settings(env))}}],
        "filename": _PACKAGE,
        "handler": _HANDLERS[role],
        "memory_size": 512,
        "reserved_concurrent_executions": -1,
        "role": env.role_arn(env.account, guard_name(env, role)),
        "timeout": _SECONDS[role],
    }


def _settings(env: Environment) -> Mapping[str, Any]:
    arns = guard.denial_arns(env)
    lease = {
        "function_arn": lambda_arn(env, LEASE),
        "minutes": (env.guard or {}).get("lease_minutes") or _LEASE_MINUTES,
        "role_arn": env.role_arn(env.account, guard_name(env, SCHEDULER)),
    }
    return {
        "alias_policy_arn": arns[guard.ALIAS],
        "environment": env.name,
        "event_bus_arn": guard.event_buses(env)[0],
        "lease": lease if guard.has_lease(env) else None,
        "quota_policy_arn": arns[guard.QUOTA],
        "runbooks": (env.guard or {}).get("runbooks") or "docs/runbooks",
        "shards": env.shards,
        "topic_arn": regional_arn(env, "sns", guard_name(env)),
    }


def _log_group(env: Environment, name: str) -> Arguments:
    return {
        "arn": Computed(regional_arn(env, "logs", f"log-group:{name}")),
        "deletion_protection_enabled": Default(value=False),
        "id": Computed(),
        "log_group_class": "STANDARD",
        "name": name,
        "name_prefix": Default(""),
        "retention_in_days": 90,
    }


# --- what it attaches ---


def _denial(arn: str, name: str) -> Arguments:
    return {
        "arn": Computed(arn),
        "attachment_count": Computed(),  # the guard attaches it
        "delay_after_policy_creation_in_ms": Default(None),
        "description": AnyText(),
        "id": Computed(arn),
        "name": name,
        "name_prefix": Default(""),
        "path": "/",
        "policy": ByClaim(),
        "policy_id": Computed(),
    }
