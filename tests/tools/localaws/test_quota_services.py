"""What the guard needs of AWS: counts with a lag, policies that take time, schedules, topics, buses and parameters."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import ACME, OPERATIONS, assume, document, make_role, refusal
from tests.tools.localaws.small_functions import TRUST_LAMBDA, zipped
from tools.localaws.control import ControlError

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws
    from tools.localaws.sts.sessions import Credentials

REGION = "eu-central-1"
MODEL = "amazon.nova-lite-v1:0"
DAY = 86_400


def converse(connect: Connect, keys: Credentials, words: int = 3) -> None:
    connect("bedrock-runtime", keys).converse(
        modelId=MODEL, messages=[{"role": "user", "content": [{"text": "word " * words}]}]
    )


def query(number: int = 0, period: int = DAY) -> dict[str, Any]:
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Bedrock",
                "MetricName": "InputTokenCount",
                "Dimensions": [{"Name": "ModelId", "Value": MODEL}],
            },
            "Period": period,
            "Stat": "Sum",
        },
    }


def counted(cloudwatch: Any, *queries: dict[str, Any], now: datetime | None = None) -> list[float]:
    now = now or datetime.now(UTC)
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries or [query()],
        StartTime=now - timedelta(days=2),
        EndTime=now + timedelta(days=1),
    )
    return [sum(result["Values"]) for result in answer["MetricDataResults"]]


def user(
    local_aws: LocalAws, *statements: dict[str, Any], account: str = OPERATIONS
) -> Credentials:
    return local_aws.control.account(account, user="someone", policies=[document(*statements)])


# --- CloudWatch ---


def test_counts_are_visible_only_after_the_lag(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(OPERATIONS)
    cloudwatch = connect("cloudwatch", keys)
    converse(connect, keys)
    assert counted(cloudwatch) == [3]
    local_aws.control.post("metric_lag", {"seconds": 300})
    converse(connect, keys, 5)
    assert counted(cloudwatch) == [3]
    statistics = {
        "Namespace": "AWS/Bedrock",
        "MetricName": "InputTokenCount",
        "Dimensions": [{"Name": "ModelId", "Value": MODEL}],
        "StartTime": datetime.now(UTC) - timedelta(days=1),
        "EndTime": datetime.now(UTC) + timedelta(days=1),
        "Period": 2 * DAY,
        "Statistics": ["Sum"],
    }
    assert cloudwatch.get_metric_statistics(**statistics)["Datapoints"][0]["Sum"] == 3
    local_aws.control.advance_clock(301)
    assert counted(cloudwatch) == [8]
    assert cloudwatch.get_metric_statistics(**statistics)["Datapoints"][0]["Sum"] == 8


def test_a_question_has_at_most_500_metrics(local_aws: LocalAws, connect: Connect) -> None:
    cloudwatch = connect("cloudwatch", local_aws.control.account(OPERATIONS))
    assert len(counted(cloudwatch, *map(query, range(500)))) == 500
    with pytest.raises(cloudwatch.exceptions.ClientError, match="1 to 500"):
        counted(cloudwatch, *map(query, range(501)))


def test_points_come_in_pages(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(OPERATIONS)
    converse(connect, keys)
    pages = (
        connect("cloudwatch", keys)
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[query(0), query(1), query(2)],
            StartTime=datetime.now(UTC) - timedelta(days=2),
            EndTime=datetime.now(UTC) + timedelta(days=1),
            MaxDatapoints=2,
        )
    )
    values = [result["Values"] for page in pages for result in page["MetricDataResults"]]
    assert sum(map(len, values)) == 3
    assert len(values) == 6


def test_points_of_a_minute_are_kept_for_15_days(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(OPERATIONS)
    cloudwatch = connect("cloudwatch", keys)
    converse(connect, keys)
    local_aws.control.advance_clock(20 * DAY)
    assert counted(cloudwatch, query(period=60)) == [0]
    assert counted(cloudwatch, query(period=300)) == [3]


def test_metrics_are_read_with_the_permission_on_everything(
    local_aws: LocalAws, connect: Connect
) -> None:
    """AWS has no resource for GetMetricData."""
    allowed = user(local_aws, {"Action": "cloudwatch:GetMetricData", "Resource": "*"})
    assert counted(connect("cloudwatch", allowed)) == [0]
    denied = user(local_aws, {"Action": "cloudwatch:ListMetrics", "Resource": "*"})
    with pytest.raises(
        connect("cloudwatch", denied).exceptions.ClientError, match="not authorized"
    ):
        counted(connect("cloudwatch", denied))


def test_nobody_puts_metrics_of_aws(local_aws: LocalAws, connect: Connect) -> None:
    cloudwatch = connect("cloudwatch", local_aws.control.account(OPERATIONS))
    data = [{"MetricName": "InputTokenCount", "Value": 1}]
    cloudwatch.put_metric_data(Namespace="Own", MetricData=data)
    code, _ = refusal(cloudwatch.put_metric_data, Namespace="AWS/Bedrock", MetricData=data)
    assert code == "InvalidParameterValue"


# --- IAM ---


def deny(iam: Any) -> str:
    answer = iam.create_policy(
        PolicyName="deny",
        PolicyDocument=json.dumps(
            document({"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"})
        ),
    )
    return str(answer["Policy"]["Arn"])


def test_an_attached_policy_has_its_effect_after_the_delay(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys = local_aws.control.account(OPERATIONS)
    iam = connect("iam", keys)
    role = make_role(
        iam, "tenant", {"Principal": {"AWS": OPERATIONS}}, {"Action": "bedrock:*", "Resource": "*"}
    )
    session = assume(connect("sts", keys), role)
    local_aws.control.post("policy_delay", {"seconds": 60})
    policy = deny(iam)
    iam.attach_role_policy(RoleName="tenant", PolicyArn=policy)
    converse(connect, session)
    local_aws.control.advance_clock(61)
    with pytest.raises(Exception, match="explicit deny"):
        converse(connect, session)
    iam.detach_role_policy(RoleName="tenant", PolicyArn=policy)
    with pytest.raises(Exception, match="explicit deny"):
        converse(connect, session)
    local_aws.control.advance_clock(61)
    converse(connect, session)


def test_the_roles_of_a_policy_come_in_pages(local_aws: LocalAws, connect: Connect) -> None:
    iam = connect("iam", local_aws.control.account(OPERATIONS))
    policy = deny(iam)
    for number in range(5):
        make_role(iam, f"role-{number}", {"Principal": {"AWS": OPERATIONS}})
        if number != 3:
            iam.attach_role_policy(RoleName=f"role-{number}", PolicyArn=policy)
    pages = list(
        iam.get_paginator("list_entities_for_policy").paginate(
            PolicyArn=policy, EntityFilter="Role", PaginationConfig={"PageSize": 3}
        )
    )
    assert [[role["RoleName"] for role in page["PolicyRoles"]] for page in pages] == [
        ["role-0", "role-1", "role-2"],
        ["role-4"],
    ]


def test_a_condition_limits_which_policy_is_attached(local_aws: LocalAws, connect: Connect) -> None:
    admin = connect("iam", local_aws.control.account(OPERATIONS))
    policy = deny(admin)
    make_role(admin, "tenant", {"Principal": {"AWS": OPERATIONS}})
    other = "arn:aws:iam::aws:policy/AdministratorAccess"
    guard = user(
        local_aws,
        {
            "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            "Resource": f"arn:aws:iam::{OPERATIONS}:role/*",
            "Condition": {"ArnEquals": {"iam:PolicyARN": policy}},
        },
    )
    iam = connect("iam", guard)
    iam.attach_role_policy(RoleName="tenant", PolicyArn=policy)
    iam.detach_role_policy(RoleName="tenant", PolicyArn=policy)
    assert refusal(iam.attach_role_policy, RoleName="tenant", PolicyArn=other)[0] == "AccessDenied"


def test_a_condition_limits_which_tags_a_profile_gets(
    local_aws: LocalAws, connect: Connect
) -> None:
    admin = connect("bedrock", local_aws.control.account(OPERATIONS))
    profile = admin.create_inference_profile(
        inferenceProfileName="p",
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"},
    )["inferenceProfileArn"]
    guard = user(
        local_aws,
        {
            "Action": ["bedrock:TagResource", "bedrock:UntagResource"],
            "Resource": "*",
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "quota-reached"}},
        },
    )
    bedrock = connect("bedrock", guard)
    bedrock.tag_resource(resourceARN=profile, tags=[{"key": "quota-reached", "value": "true"}])
    bedrock.untag_resource(resourceARN=profile, tagKeys=["quota-reached"])
    tags = [{"key": "tenant", "value": "globex"}]
    assert refusal(bedrock.tag_resource, resourceARN=profile, tags=tags)
    assert refusal(bedrock.untag_resource, resourceARN=profile, tagKeys=["tenant"])


# --- Scheduler ---

SOURCE = "def handler(event, context):\n    return event\n"
ECHO = f"arn:aws:lambda:{REGION}:{OPERATIONS}:function:echo"


def schedule(
    local_aws: LocalAws, connect: Connect, expression: str, service: str = "scheduler.amazonaws.com"
) -> Any:
    """A function that returns its event, and a schedule of it with a role that may invoke it."""
    keys = local_aws.control.account(OPERATIONS)
    iam = connect("iam", keys)
    invoker = make_role(
        iam,
        "invoker",
        {
            "Principal": {"Service": service},
            "Condition": {"StringEquals": {"aws:SourceAccount": OPERATIONS}},
        },
        {"Action": "lambda:InvokeFunction", "Resource": ECHO},
    )
    connect("lambda", keys).create_function(
        FunctionName="echo",
        Code={"ZipFile": zipped(app=SOURCE)},
        Handler="app.handler",
        Runtime="python3.13",
        Role=make_role(iam, "echo", TRUST_LAMBDA),
    )
    client = connect("scheduler", keys)
    client.create_schedule(**parameters(invoker, expression))
    return client


def parameters(role: str, expression: str) -> dict[str, Any]:
    return {
        "Name": "s",
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": ECHO, "RoleArn": role, "Input": '{"shard": 1}'},
    }


def runs(local_aws: LocalAws) -> list[tuple[str, str]]:
    return [
        (run["error"], run.get("answer", "")) for run in local_aws.control.post("run_schedules", {})
    ]


def test_a_rate_invokes_the_function_as_the_role_once_a_period(
    local_aws: LocalAws, connect: Connect
) -> None:
    schedule(local_aws, connect, "rate(5 minutes)")
    assert runs(local_aws) == [("", '{"shard": 1}')]
    assert runs(local_aws) == []
    local_aws.control.advance_clock(300)
    assert runs(local_aws) == [("", '{"shard": 1}')]
    (invoke,) = local_aws.control.calls(action="lambda:InvokeFunction")[:1]
    assert invoke.principal_arn.endswith("assumed-role/invoker/scheduler")


def test_one_time_comes_once_and_again_when_it_is_moved(
    local_aws: LocalAws, connect: Connect
) -> None:
    def at(minutes: int) -> str:
        return f"at({datetime.now(UTC) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S})"

    client = schedule(local_aws, connect, at(10))
    assert runs(local_aws) == []
    client.update_schedule(**parameters(f"arn:aws:iam::{OPERATIONS}:role/invoker", at(20)))
    local_aws.control.advance_clock(15 * 60)
    assert runs(local_aws) == []
    local_aws.control.advance_clock(10 * 60)
    assert runs(local_aws) == [("", '{"shard": 1}')]
    assert runs(local_aws) == []


def test_a_schedule_needs_a_role_that_trusts_scheduler(
    local_aws: LocalAws, connect: Connect
) -> None:
    schedule(local_aws, connect, "rate(5 minutes)", service="events.amazonaws.com")
    ((error, _),) = runs(local_aws)
    assert "does not trust" in error


def test_a_schedule_is_updated_only_by_whoever_may_pass_its_role(
    local_aws: LocalAws, connect: Connect
) -> None:
    schedule(local_aws, connect, "rate(5 minutes)")
    role = f"arn:aws:iam::{OPERATIONS}:role/invoker"
    update = {
        "Action": "scheduler:UpdateSchedule",
        "Resource": f"arn:aws:scheduler:{REGION}:{OPERATIONS}:schedule/default/s",
    }
    passing = {
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
    }
    changed = parameters(role, "rate(10 minutes)")
    allowed = connect("scheduler", user(local_aws, update, passing))
    allowed.update_schedule(**changed)
    user(local_aws, update)
    assert refusal(allowed.update_schedule, **changed)[0] == "AccessDeniedException"
    user(local_aws, passing)
    assert refusal(allowed.update_schedule, **changed)[0] == "AccessDeniedException"


def test_an_expression_that_is_not_run_is_refused(local_aws: LocalAws, connect: Connect) -> None:
    client = connect("scheduler", local_aws.control.account(OPERATIONS))
    target = parameters(f"arn:aws:iam::{OPERATIONS}:role/invoker", "cron(0 0 * * ? *)")
    assert refusal(client.create_schedule, **target)[0] == "ValidationException"


# --- SNS, EventBridge and Systems Manager ---


def test_a_topic_is_published_to_by_whoever_may(local_aws: LocalAws, connect: Connect) -> None:
    topic = connect("sns", local_aws.control.account(OPERATIONS)).create_topic(Name="guard")
    topic = topic["TopicArn"]
    sns = connect("sns", user(local_aws, {"Action": "sns:Publish", "Resource": topic}))
    sns.publish(TopicArn=topic, Message="hello")
    user(local_aws, {"Action": "sns:Publish", "Resource": f"{topic}-other"})
    assert refusal(sns.publish, TopicArn=topic, Message="hello")[0].startswith("AccessDenied")


EVENT = {"Source": "guard", "DetailType": "Quota reached", "Detail": '{"tenant": "acme"}'}


def test_events_are_kept_by_their_bus(local_aws: LocalAws, connect: Connect) -> None:
    default = f"arn:aws:events:{REGION}:{OPERATIONS}:event-bus/default"
    events = connect("events", user(local_aws, {"Action": "events:PutEvents", "Resource": default}))
    events.put_events(Entries=[EVENT])
    (event,) = local_aws.control.post("events", {"bus": default})
    assert event["detail"] == {"tenant": "acme"}
    user(local_aws, {"Action": "events:PutEvents", "Resource": f"{default}-other"})
    assert refusal(events.put_events, Entries=[EVENT])[0] == "AccessDeniedException"


def test_another_accounts_bus_needs_its_own_policy_too(
    local_aws: LocalAws, connect: Connect
) -> None:
    bus = f"arn:aws:events:{REGION}:{ACME}:event-bus/quotas"
    customer = connect("events", local_aws.control.account(ACME))
    customer.create_event_bus(Name="quotas")
    events = connect("events", user(local_aws, {"Action": "events:PutEvents", "Resource": bus}))
    entry = {**EVENT, "EventBusName": bus}
    assert refusal(events.put_events, Entries=[entry])[0] == "AccessDeniedException"
    customer.put_permission(
        EventBusName="quotas",
        Action="events:PutEvents",
        Principal=OPERATIONS,
        StatementId="OperationsMayPutEvents",
    )
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert len(local_aws.control.post("events", {"bus": bus})) == 1


def test_a_parameter_is_read_by_whoever_may_read_exactly_it(
    local_aws: LocalAws, connect: Connect
) -> None:
    admin = connect("ssm", local_aws.control.account(OPERATIONS))
    for tenant in ("acme", "globex"):
        admin.put_parameter(Name=f"/bedrock/dev/usage/{tenant}", Value=tenant, Type="String")
    arn = f"arn:aws:ssm:{REGION}:{OPERATIONS}:parameter/bedrock/dev/usage/acme"
    ssm = connect("ssm", user(local_aws, {"Action": "ssm:GetParameter*", "Resource": arn}))
    own, other = "/bedrock/dev/usage/acme", "/bedrock/dev/usage/globex"
    assert ssm.get_parameter(Name=own)["Parameter"]["Value"] == "acme"
    assert ssm.get_parameter(Name=f"{own}:1")["Parameter"]["Version"] == 1
    assert refusal(ssm.get_parameter, Name=other)[0] == "AccessDeniedException"
    assert refusal(ssm.get_parameters, Names=[own, other])[0] == "AccessDeniedException"
    assert refusal(ssm.get_parameters_by_path, Path="/bedrock/dev/usage")[0] == (
        "AccessDeniedException"
    )


# --- the clock ---


def test_a_response_tells_the_time_of_the_local_aws(local_aws: LocalAws, connect: Connect) -> None:
    sts = connect("sts", local_aws.control.account(OPERATIONS))
    local_aws.control.advance_clock(30 * DAY)
    date = sts.get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]["date"]
    told = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC)
    assert timedelta(days=29) < told - datetime.now(UTC) < timedelta(days=31)


def test_a_setting_that_is_no_number_is_refused(local_aws: LocalAws) -> None:
    with pytest.raises(ControlError, match="ValueError"):
        local_aws.control.post("metric_lag", {"seconds": "soon"})
