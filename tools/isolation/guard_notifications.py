"""Specify whom an environment's guard tells: its topic, the alarms, and the rules that tell of access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.isolation import access_rules
from tools.isolation import guard_specification as guard
from tools.isolation.guard_specification import (
    FORWARDER,
    guard_name,
    metric_namespace,
    regional_arn,
)
from tools.isolation.predicate import AllOf, AnyOf, OneOf
from tools.isolation.resource_specification import (
    AnyText,
    ByClaim,
    Computed,
    Default,
    Json,
    Matching,
    ResourceSpecification,
    guard_resource,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.isolation.operations_specification import Environment
    from tools.isolation.predicate import Predicate
    from tools.isolation.resource_specification import Arguments

ALARMS = ("failed", "silent", "unclean", "unverified")
_DAY = 24 * 60 * 60


def guard_notifications(env: Environment, minutes: int) -> Iterator[ResourceSpecification]:
    """Yield what tells the operator; ``minutes`` are those between two runs of the guard."""
    yield guard_resource(env, "aws_sns_topic", guard_name(env), _topic(env))
    arn = regional_arn(env, "sns", guard_name(env))
    yield guard_resource(env, "aws_sns_topic_policy", arn, _topic_policy(env, arn), tagged=False)
    for suffix, alarm in _alarms(env, minutes).items():
        name = f"{guard_name(env)}-{suffix}"
        yield guard_resource(env, "aws_cloudwatch_metric_alarm", name, alarm)
    for suffix, rule in access_rules.access_rules(env).items():
        yield from _rule(env, suffix, rule)


def _topic(env: Environment) -> Arguments:
    name = guard_name(env)
    return {
        "arn": Computed(regional_arn(env, "sns", name)),
        "beginning_archive_time": Computed(),
        "fifo_throughput_scope": Default(""),
        "id": Computed(regional_arn(env, "sns", name)),
        "name": name,
        "name_prefix": Default(""),
        "owner": Computed(env.account),
        "policy": Computed(),
        "signature_version": Default(0),
        "tracing_config": Default(""),
    }


def topic_publishers(env: Environment) -> Predicate:
    """Return who may publish to the topic by its policy: CloudWatch for the guard's alarms, EventBridge for its rules.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    name = guard_name(env)
    sources = {
        "cloudwatch": [regional_arn(env, "cloudwatch", f"alarm:{name}-{end}") for end in ALARMS],
        "events": [
            regional_arn(env, "events", f"rule/{name}-{end}")
            for end in access_rules.access_rules(env)
        ],
    }
    publish = AllOf(
        OneOf("action", "sns:Publish"), OneOf("resource", regional_arn(env, "sns", name))
    )
    return AnyOf(
        *(
            AllOf(
                publish,
                OneOf("caller.service", f"{service}.amazonaws.com"),
                OneOf("aws:sourcearn", *arns),
            )
            for service, arns in sources.items()
            if arns
        )
    )


def _topic_policy(env: Environment, arn: str) -> Arguments:
    return {"arn": arn, "id": Computed(arn), "owner": Computed(env.account), "policy": ByClaim()}


def _rule(
    env: Environment, suffix: str, rule: access_rules.AccessRule
) -> Iterator[ResourceSpecification]:
    """Yield the rule that tells the topic and, for another Region, the one that forwards to this Region."""
    name = f"{guard_name(env)}-{suffix}"
    # EventBridge has placeholders of its own beside the paths, such as one for the whole event.
    paths = access_rules.paths(rule)
    sentence = Matching(rf"""\"(?:[\w(),.': /@#-]|<(?:{"|".join(paths)})>)+\"""")
    transformer = [{"input_paths": paths, "input_template": sentence}]
    topic = regional_arn(env, "sns", guard_name(env))
    yield _event_rule(env, name, rule, env.region)
    yield _event_target(env, name, "topic", topic, {"input_transformer": transformer})
    if access_rules.forwards(env):
        bus, role = guard.event_buses(env)[0], guard_name(env, FORWARDER)
        target = {"role_arn": env.role_arn(env.account, role)}
        region = guard.iam_events_region(env.partition, env.region)
        yield _event_rule(env, f"{name}-forward", rule, region)
        yield _event_target(env, f"{name}-forward", "bus", bus, target)


def _event_rule(
    env: Environment, name: str, rule: access_rules.AccessRule, region: str
) -> ResourceSpecification:
    every = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    prefix = f"arn:{env.partition}:events:{region}:{env.account}:rule/{name}"
    arguments = {
        "arn": Computed(prefix),
        "description": AnyText(),
        "event_bus_name": "default",
        "event_pattern": Json(access_rules.pattern(env, rule)),
        "force_destroy": Default(value=False),
        "id": Computed(name),
        "is_enabled": Default(value=True),
        "name": name,
        "name_prefix": Default(""),
        "region": Default(region),
        "state": every if rule.read_only else "ENABLED",
    }
    return guard_resource(env, "aws_cloudwatch_event_rule", name, arguments)


def _event_target(
    env: Environment, rule: str, target_id: str, arn: str, arguments: Arguments
) -> ResourceSpecification:
    """A target that is a topic or a bus; the blocks of every other kind are empty."""
    common = {
        "arn": arn,
        "event_bus_name": "default",
        "force_destroy": Default(value=False),
        "id": Computed(f"{rule}-{target_id}"),
        "rule": rule,
        "target_id": target_id,
    }
    if target_id == "bus":
        common["region"] = Default(guard.iam_events_region(env.partition, env.region))
    name = f"{rule} {target_id}"
    arguments = {**common, **arguments}
    return guard_resource(env, "aws_cloudwatch_event_target", name, arguments, tagged=False)


def _alarms(env: Environment, minutes: int) -> Mapping[str, Arguments]:
    topic = regional_arn(env, "sns", guard_name(env))
    common: Arguments = {
        "actions_enabled": True,
        "alarm_actions": [topic],
        "alarm_description": AnyText(),
        "evaluate_low_sample_count_percentiles": Default(""),
        "id": Computed(),
        "ok_actions": [topic],
        "threshold": 0,
    }
    runs: Arguments = {
        **common,
        "dimensions": {"FunctionName": guard_name(env)},
        "evaluation_periods": 3,
        "namespace": "AWS/Lambda",
        "period": 60 * minutes,
        "statistic": "Sum",
    }
    verifications: Arguments = {
        **common,
        "dimensions": Default({}),
        "metric_name": "VerificationFaults",
        "namespace": metric_namespace(env),
        "period": _DAY,
    }
    more = "GreaterThanThreshold"
    alarms: Mapping[str, Arguments] = {
        "failed": {
            **runs,
            "comparison_operator": more,
            "metric_name": "Errors",
            "treat_missing_data": "notBreaching",
        },
        "silent": {
            **runs,
            "comparison_operator": "LessThanThreshold",
            "metric_name": "Invocations",
            "threshold": env.shards,
            "treat_missing_data": "breaching",
        },
        "unclean": {
            **verifications,
            "comparison_operator": more,
            "evaluation_periods": 1,
            "statistic": "Maximum",
            "treat_missing_data": "notBreaching",
        },
        "unverified": {
            **verifications,
            "comparison_operator": "LessThanThreshold",
            "evaluation_periods": 2,
            "statistic": "SampleCount",
            "threshold": env.shards,
            "treat_missing_data": "breaching",
        },
    }
    return {
        suffix: {
            **alarm,
            "alarm_name": f"{guard_name(env)}-{suffix}",
            "arn": Computed(regional_arn(env, "cloudwatch", f"alarm:{guard_name(env)}-{suffix}")),
        }
        for suffix, alarm in alarms.items()
    }
