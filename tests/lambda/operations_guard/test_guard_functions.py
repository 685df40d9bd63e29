"""The guard's two functions on the local Lambda, invoked by their schedules: a guard that lives, dies and returns."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from operations_guard.guard_settings import GuardSettingsError, read_settings
from tests.guard_functions import guard_package, guard_settings, guard_trust
from tools.bench.guarded_tenants import (
    ACCOUNT,
    ENVIRONMENT,
    GUARD,
    LEASE_FUNCTION,
    LEASE_ROLE,
    MODEL,
    QUOTA_POLICY,
    REGION,
    TOPIC,
    GuardedTenants,
    document,
    event,
    quota,
)
from tools.localaws.local_aws import LocalAws
from tools.localaws.moto_state import backend
from tools.localaws.scheduler.schedule_change import change_schedule
from tools.paths import ROOT

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{GUARD}"
LEASE = {"minutes": 30, "function_arn": LEASE_FUNCTION, "role_arn": LEASE_ROLE}
SETTINGS = guard_settings(lease=LEASE)
QUOTAS = "bedrock-dev-quotas-0"
INPUT = event({"acme": quota("fast", tokens_per_day=100), "free": quota("fast")})


def make_function(aws, name, handler):
    aws.client("lambda").create_function(
        FunctionName=name,
        Code={"ZipFile": guard_package()},
        Environment={"Variables": {"OPERATIONS_GUARD": json.dumps(SETTINGS)}},
        Handler=handler,
        Role=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        Runtime="python3.13",
        Timeout=60,
    )


def target(content, function=FUNCTION):
    return {"Arn": function, "RoleArn": LEASE_ROLE, "Input": json.dumps(content)}


def make_schedule(aws, name, expression, function, content):
    aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target(content, function),
    )


@pytest.fixture
def aws():
    with LocalAws() as local_aws:
        tenants = GuardedTenants(local_aws.control)
        tenants.prepare()
        for name in ("acme", "free"):
            tenants.add_tenant(name, "fast")
        iam = tenants.client("iam")
        iam.update_assume_role_policy(RoleName=GUARD, PolicyDocument=guard_trust("lambda"))
        iam.create_role(RoleName=f"{GUARD}-lease", AssumeRolePolicyDocument=guard_trust("lambda"))
        iam.put_role_policy(
            RoleName=f"{GUARD}-lease",
            PolicyName="lease",
            PolicyDocument=document(
                {
                    "Action": "iam:AttachRolePolicy",
                    "Resource": f"arn:aws:iam::{ACCOUNT}:role/bedrock-{ENVIRONMENT}-*",
                    "Condition": {"ArnEquals": {"iam:PolicyARN": QUOTA_POLICY}},
                },
                {"Action": "sns:Publish", "Resource": TOPIC},
            ),
        )
        iam.create_role(
            RoleName=f"{GUARD}-scheduler", AssumeRolePolicyDocument=guard_trust("scheduler")
        )
        iam.put_role_policy(
            RoleName=f"{GUARD}-scheduler",
            PolicyName="scheduler",
            PolicyDocument=document(
                {"Action": "lambda:InvokeFunction", "Resource": [FUNCTION, LEASE_FUNCTION]}
            ),
        )
        make_function(tenants, GUARD, "operations_guard.handler.handler")
        make_function(tenants, f"{GUARD}-lease", "operations_guard.lease_end.handler")
        make_schedule(tenants, QUOTAS, "rate(5 minutes)", FUNCTION, INPUT)
        make_schedule(tenants, "bedrock-dev-lease-0", "at(2099-01-01T00:00:00)", LEASE_FUNCTION, {})
        yield tenants


def run(aws):
    """Run what is due, and return what each function answers."""
    runs = aws.control.post("run_schedules", {})
    assert [run["error"] for run in runs] == [""] * len(runs), runs
    return {run["schedule"].rpartition("/")[2]: json.loads(run["answer"]) for run in runs}


def is_let_in(aws, tenant):
    runtime = aws.client("bedrock-runtime", aws.session(f"bedrock-dev-{tenant}", tenant))
    message = {"role": "user", "content": [{"text": "hello"}]}
    try:
        runtime.converse(modelId=aws.profiles[tenant, "fast"], messages=[message])
    except ClientError as error:
        if "explicit deny" not in str(error):
            raise
        return False
    return True


def test_the_scheduled_function_stops_a_tenant_and_lets_it_in_again(aws):
    assert run(aws)["bedrock-dev-quotas-0"]["read"] == 1
    assert is_let_in(aws, "acme")
    aws.use("acme", "fast", 100)
    aws.control.advance_clock(300)
    assert run(aws)["bedrock-dev-quotas-0"]["denied"] == 1
    assert not is_let_in(aws, "acme")
    assert is_let_in(aws, "free")
    aws.control.advance_clock(86_400)
    run(aws)
    assert is_let_in(aws, "acme")


def test_the_lease_ends_when_the_guard_does_not_run_and_its_next_run_lets_in_again(aws):
    run(aws)
    scheduler = aws.client("scheduler")
    lease = scheduler.get_schedule(Name="bedrock-dev-lease-0")
    assert json.loads(lease["Target"]["Input"])["tenants"] == ["acme"]
    change_schedule(scheduler, QUOTAS, State="DISABLED")
    aws.control.advance_clock(timedelta(minutes=29).total_seconds())
    assert run(aws) == {}
    assert is_let_in(aws, "acme")
    aws.control.advance_clock(timedelta(minutes=2).total_seconds())
    assert run(aws) == {"bedrock-dev-lease-0": {"stopped": 1}}
    assert not is_let_in(aws, "acme")
    assert is_let_in(aws, "free")
    (message,) = backend("sns", ACCOUNT, REGION).topics[TOPIC].sent_notifications
    assert message[1].startswith("The guard of dev has not completed a run of shard 0 in time")
    change_schedule(scheduler, QUOTAS, State="ENABLED")
    run(aws)
    assert is_let_in(aws, "acme")


def lease_time(aws):
    return aws.client("scheduler").get_schedule(Name="bedrock-dev-lease-0")["ScheduleExpression"]


def deny_the_guard(aws, *actions):
    denied = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    aws.client("iam").put_role_policy(
        RoleName=GUARD, PolicyName="broken", PolicyDocument=document(denied)
    )


def failed_run(aws):
    """Run what is due five minutes later, which fails."""
    aws.control.advance_clock(300)
    (failed,) = aws.control.post("run_schedules", {})
    assert failed["error"] == "Unhandled"
    assert json.loads(failed["answer"])["errorType"] == "IncompleteSweepError"


def test_a_tenant_that_cannot_be_stopped_does_not_renew_the_lease(aws):
    run(aws)
    before = lease_time(aws)
    deny_the_guard(aws, "iam:Attach*")
    aws.use("acme", "fast", 100)
    failed_run(aws)
    assert lease_time(aws) == before
    aws.client("iam").delete_role_policy(RoleName=GUARD, PolicyName="broken")
    aws.control.advance_clock(300)
    run(aws)
    assert lease_time(aws) != before


def test_a_quota_that_is_enforced_and_not_told_renews_the_lease(aws):
    run(aws)
    before = lease_time(aws)
    deny_the_guard(aws, "sns:Publish")
    aws.use("acme", "fast", 100)
    failed_run(aws)
    assert lease_time(aws) != before
    assert not is_let_in(aws, "acme")


def test_a_tenant_that_cannot_be_counted_is_stopped_alone_until_it_can(aws):
    """Its model has no price, which a plan refuses: as an older schedule has it."""
    counted = event({"acme": quota("fast", usd_per_month=1), "free": quota("fast")})
    priced = {"prices": {MODEL: {"input": 1, "output": 1, "cache_read": 1, "cache_write": 1}}}

    scheduler = aws.client("scheduler")
    run(aws)
    before = lease_time(aws)
    change_schedule(scheduler, QUOTAS, Target=target(counted))
    aws.use("acme", "fast", 100)
    failed_run(aws)
    assert lease_time(aws) != before
    assert not is_let_in(aws, "acme")
    assert is_let_in(aws, "free")
    change_schedule(scheduler, QUOTAS, Target=target({**counted, **priced}))
    aws.control.advance_clock(300)
    run(aws)
    assert is_let_in(aws, "acme")


def test_the_schedule_of_another_number_of_shards_is_left_alone(aws):
    aws.use("acme", "fast", 100)
    for number, content in enumerate(({"shards": 2}, {"shard": 1})):
        make_schedule(aws, f"old-{number}", "rate(5 minutes)", FUNCTION, {**INPUT, **content})
        (old,) = aws.control.post("run_schedules", {"schedule": f"old-{number}"})
        assert (old["error"], json.loads(old["answer"])) == ("", {"read": 0})
    assert is_let_in(aws, "acme")


def test_the_lease_of_a_shard_that_is_gone_stops_nobody(aws):
    """Nobody moves it on after a smaller number of shards; its tenants are in another shard."""
    for shard in (0, 1):
        content = {"environment": "dev", "shard": shard, "tenants": ["acme"]}
        make_schedule(aws, f"lease-{shard}", "rate(5 minutes)", LEASE_FUNCTION, content)
    (gone,) = aws.control.post("run_schedules", {"schedule": "lease-1"})
    assert (gone["error"], json.loads(gone["answer"])) == ("", {"stopped": 0})
    assert is_let_in(aws, "acme")
    aws.control.post("run_schedules", {"schedule": "lease-0"})
    assert not is_let_in(aws, "acme")


def test_the_end_of_the_lease_imports_nothing_of_the_guard():
    source = (ROOT / "lambda" / "operations_guard" / "lease_end.py").read_text()
    assert "operations_guard." not in source


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"environment": "dev"}'])
def test_settings_that_terraform_does_not_write_are_refused(text):
    with pytest.raises(GuardSettingsError, match="apply the operations account again"):
        read_settings(text)
