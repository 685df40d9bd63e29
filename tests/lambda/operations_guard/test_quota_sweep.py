"""Runs of the guard on the local AWS: who is stopped and let in again, who is told, and what it costs to look."""

import json
import threading
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from operations_guard.guard_input import GuardInputError, read_guard_input
from operations_guard.quota_sweep import IncompleteSweepError
from tools.bench.guarded_tenants import (
    ACCOUNT,
    ALIAS_POLICY,
    BUS,
    GUARD,
    MODEL,
    MODEL_ARN,
    PERMISSIONS,
    QUOTA_POLICY,
    REGION,
    GuardedTenants,
    document,
    event,
    quota,
)
from tools.localaws.faults import Fault
from tools.localaws.local_aws import LocalAws
from tools.localaws.moto_state import backend
from tools.quotas.used_quotas import IAM_MINUTES, METRIC_MINUTES, overspend_bounds

DAY = 86_400
PRICE = {"amazon.nova-lite-v1:0": {"input": 2, "output": 4, "cache_read": 1, "cache_write": 3}}
ACME, GLOBEX = "bedrock-dev-acme", "bedrock-dev-globex"


@pytest.fixture
def aws():
    with LocalAws() as local_aws:
        tenants = GuardedTenants(local_aws.control)
        # Noon, so that no test meets the end of a day by itself.
        now = datetime.now(UTC)
        noon = now.replace(hour=12, minute=0, second=0) + timedelta(days=1)
        tenants.control.advance_clock((noon - now).total_seconds())
        tenants.prepare()
        tenants.add_tenant("acme", "fast", "large")
        tenants.add_tenant("globex", "fast")
        yield tenants


def converse(aws, session, tenant="acme", alias="fast"):
    runtime = aws.client("bedrock-runtime", session)
    return runtime.converse(
        modelId=aws.profiles[tenant, alias],
        messages=[{"role": "user", "content": [{"text": "hello"}]}],
    )


def attached(aws, policy=QUOTA_POLICY):
    answer = aws.client("iam").list_entities_for_policy(PolicyArn=policy, EntityFilter="Role")
    return {role["RoleName"] for role in answer["PolicyRoles"]}


def usage(aws, tenant="acme"):
    parameter = aws.client("ssm").get_parameter(Name=f"/bedrock/dev/usage/{tenant}")
    return json.loads(parameter["Parameter"]["Value"])


def messages(aws):
    topics = backend("sns", ACCOUNT, REGION).topics.values()
    return [message[1] for topic in topics for message in topic.sent_notifications]


def events(aws, bus=BUS):
    return [event["detail_type"] for event in aws.control.post("events", {"bus": bus})]


def wait(aws, seconds=300):
    """Move the clock on, by default to the next run; the guard gets new keys."""
    aws.control.advance_clock(seconds)
    aws.renew()


def next_day(aws):
    wait(aws, DAY)


ONE = {
    "acme": quota("fast", "large", tokens_per_day=100),
    "globex": quota("fast", tokens_per_day=100),
}


# --- stopping ---


def test_a_tenant_at_its_limit_is_stopped_in_its_open_session_and_its_neighbour_is_not(aws):
    acme, globex = aws.session(ACME, "acme"), aws.session(GLOBEX, "globex")
    aws.use("acme", "fast", 100)
    converse(aws, acme)
    aws.sweep(event(ONE))
    with pytest.raises(ClientError, match="explicit deny"):
        converse(aws, acme)
    converse(aws, globex, "globex")
    assert attached(aws) == {ACME}
    assert usage(aws)["windows"][0]["state"] == "reached"
    assert usage(aws, "globex")["windows"][0]["state"] == "open"


def test_a_stopped_tenant_may_still_read_its_usage_and_no_other(aws):
    aws.use("acme", "fast", 100)
    aws.sweep(event(ONE))
    ssm = aws.client("ssm", aws.session(ACME, "acme"))
    window = json.loads(ssm.get_parameter(Name="/bedrock/dev/usage/acme")["Parameter"]["Value"])
    assert window["windows"][0]["used"] == 100
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_parameter(Name="/bedrock/dev/usage/globex")


def test_calls_by_the_profiles_id_count_too(aws):
    aws.use("acme", "fast", 60)
    aws.use("acme", "fast", 40, by_id=True)
    aws.sweep(event(ONE))
    assert attached(aws) == {ACME}


def test_all_aliases_count_towards_the_limit_of_the_tenant(aws):
    aws.use("acme", "fast", 60)
    aws.use("acme", "large", 40)
    aws.sweep(event(ONE))
    assert attached(aws) == {ACME}


def test_just_below_the_limit_nobody_is_stopped(aws):
    aws.use("acme", "fast", 99)
    aws.sweep(event(ONE))
    assert attached(aws) == set()


def test_the_window_turns_and_the_tenant_is_let_in_again(aws):
    aws.use("acme", "fast", 100)
    aws.sweep(event(ONE))
    next_day(aws)
    aws.sweep(event(ONE))
    assert attached(aws) == set()
    converse(aws, aws.session(ACME, "acme"))
    assert usage(aws)["windows"][0]["used"] == 0


def test_a_raised_quota_lets_in_at_once(aws):
    aws.use("acme", "fast", 100)
    aws.sweep(event(ONE))
    aws.sweep(event({**ONE, "acme": quota("fast", "large", tokens_per_day=1_000)}))
    assert attached(aws) == set()


def test_a_removed_quota_lets_in_at_once(aws):
    limits = {"tokens_per_day": 50}
    aws.use("acme", "fast", 100)
    aws.sweep(
        event({"acme": quota("fast", "large", by_alias={"fast": limits}, tokens_per_day=100)})
    )
    assert attached(aws) == attached(aws, ALIAS_POLICY) == {ACME}
    aws.sweep(event({"acme": quota("fast", "large")}))
    assert attached(aws) == attached(aws, ALIAS_POLICY) == set()
    converse(aws, aws.session(ACME, "acme"))


def test_an_alias_at_its_limit_is_stopped_and_the_others_are_not(aws):
    limited = {"acme": quota("fast", "large", by_alias={"fast": {"tokens_per_day": 100}})}
    acme = aws.session(ACME, "acme")
    aws.use("acme", "fast", 100)
    aws.use("acme", "large", 1_000)
    aws.sweep(event(limited))
    with pytest.raises(ClientError, match="explicit deny"):
        converse(aws, acme)
    converse(aws, acme, alias="large")
    next_day(aws)
    aws.sweep(event(limited))
    converse(aws, aws.session(ACME, "acme"))
    tags = aws.client("bedrock").list_tags_for_resource(resourceARN=aws.profiles["acme", "fast"])
    assert "quota-reached" not in {tag["key"] for tag in tags["tags"]}


def test_a_new_profile_of_a_stopped_alias_is_stopped_by_the_next_run(aws):
    """As when the alias gets another route to the same model, which the schedule's input does not show."""
    limits = {"fast": {"tokens_per_day": 100}}
    limited = event({"acme": quota("fast", by_alias=limits)}, tokens_per_minute={MODEL: 10})
    aws.use("acme", "fast", 100)
    aws.sweep(limited)
    created = aws.client("bedrock").create_inference_profile(
        inferenceProfileName="bedrock-dev-acme_fast_cd34",
        modelSource={"copyFrom": MODEL_ARN},
        tags=[{"key": "environment", "value": "dev"}],
    )
    wait(aws)
    aws.sweep(limited)
    tags = aws.client("bedrock").list_tags_for_resource(resourceARN=created["inferenceProfileArn"])
    assert {"key": "quota-reached", "value": "true"} in tags["tags"]


def test_a_limit_in_dollars_is_reached_by_the_price(aws):
    limited = {"acme": quota("fast", "large", usd_per_month=2)}
    aws.use("acme", "fast", 999_999)
    aws.sweep(event(limited, prices=PRICE))
    assert attached(aws) == set()
    assert usage(aws)["windows"][0]["used"] == pytest.approx(1.999998)
    aws.use("acme", "fast", 1)
    wait(aws)
    aws.sweep(event(limited, prices=PRICE))
    assert attached(aws) == {ACME}


def test_a_called_model_without_a_price_fails_its_tenant_and_no_other(aws):
    aws.use("acme", "fast", 1)
    aws.use("globex", "fast", 100)
    limited = {"acme": quota("fast", usd_per_month=2), "globex": ONE["globex"]}
    with pytest.raises(
        IncompleteSweepError, match="1 tenants were not enforced or not told, such as acme"
    ):
        aws.sweep(event(limited))
    assert attached(aws) == {GLOBEX}


def test_what_the_metrics_do_not_show_yet_is_stopped_when_they_do(aws):
    aws.control.post("metric_lag", {"seconds": 300})
    aws.use("acme", "fast", 100)
    aws.sweep(event(ONE))
    assert attached(aws) == set()
    aws.control.advance_clock(301)
    aws.sweep(event(ONE))
    assert attached(aws) == {ACME}


def test_attachments_by_hand_of_other_policies_stay(aws):
    iam = aws.client("iam")
    own = iam.create_policy(
        PolicyName="by-hand",
        PolicyDocument=document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}),
    )["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ACME, PolicyArn=own)
    aws.use("acme", "fast", 100)
    aws.sweep(event(ONE))
    next_day(aws)
    aws.sweep(event(ONE))
    assert attached(aws, own) == {ACME}


def test_a_denial_that_somebody_took_away_is_put_back(aws):
    aws.use("acme", "fast", 100)
    aws.sweep(event(ONE))
    aws.client("iam").detach_role_policy(RoleName=ACME, PolicyArn=QUOTA_POLICY)
    aws.sweep(event(ONE))
    assert attached(aws) == {ACME}


def test_a_role_that_does_not_exist_yet_is_no_failure(aws):
    aws.client("iam").delete_role_policy(RoleName=ACME, PolicyName="grants")
    aws.client("iam").delete_role(RoleName=ACME)
    aws.use("acme", "fast", 100)
    assert aws.sweep(event(ONE)).failed == []


def test_a_suspended_tenant_is_left_alone(aws):
    aws.use("acme", "fast", 100)
    suspended = {"acme": {**ONE["acme"], "state": "suspended"}}
    assert aws.sweep(event(suspended)).read == 0
    assert attached(aws) == set()


def test_a_refused_attachment_fails_its_tenant_and_is_tried_again(aws):
    aws.use("acme", "fast", 100)
    aws.use("globex", "fast", 100)
    aws.control.fault(
        Fault(service="iam", operation="AttachRolePolicy", code="ServiceFailure", status=500)
    )
    with pytest.raises(IncompleteSweepError):
        aws.sweep(event(ONE))
    assert len(attached(aws)) == 1
    aws.sweep(event(ONE))
    assert attached(aws) == {ACME, GLOBEX}


def test_what_is_spent_beyond_the_limit_is_within_the_printed_bound(aws):
    """A tenant spends at the account's full rate, while metrics, the schedule and IAM take their time."""
    rate, limit = 100, 1_000
    limited = event({"acme": quota("fast", tokens_per_day=limit)}, tokens_per_minute={MODEL: rate})
    (bound,) = overspend_bounds(read_guard_input(limited))
    aws.control.post("metric_lag", {"seconds": METRIC_MINUTES * 60})
    aws.control.post("policy_delay", {"seconds": IAM_MINUTES * 60})
    acme = aws.session(ACME, "acme")
    spent = 0
    for minute in range(40):
        if minute % 5 == 0:
            aws.sweep(limited)
        try:
            converse(aws, acme)
        except ClientError:
            break
        aws.use("acme", "fast", rate)
        spent += rate
        aws.control.advance_clock(60)
    assert 0 < spent - limit <= bound.most


# --- time zones ---


def test_a_day_is_that_of_the_tenants_time_zone(aws):
    """At noon in UTC a day begins in UTC+12, and ends in India in 6.5 hours."""
    zones = {"acme": "Asia/Kolkata", "globex": "Etc/GMT-12"}
    limited = {name: {**ONE[name], "time_zone": zone} for name, zone in zones.items()}
    aws.use("acme", "fast", 100)
    aws.sweep(event(limited))
    time = datetime.fromisoformat(usage(aws)["time"])
    assert usage(aws)["windows"][0]["end"] == f"{time:%Y-%m-%d}T18:30:00Z"
    following = time + timedelta(days=1)
    assert usage(aws, "globex")["windows"][0]["end"] == f"{following:%Y-%m-%d}T12:00:00Z"
    assert attached(aws) == {ACME}
    wait(aws, 6.6 * 3600)
    aws.sweep(event(limited))
    assert attached(aws) == set()


# --- telling ---


def test_each_threshold_is_told_once_to_the_operator_and_to_the_customer(aws):
    bus = f"arn:aws:events:{REGION}:222222222222:event-bus/quotas"
    keys = aws.control.account("222222222222")
    customer = boto3.Session(keys.access_key_id, keys.secret_access_key, region_name=REGION)
    customer = aws.client("events", customer)
    customer.create_event_bus(Name="quotas")
    customer.put_permission(
        EventBusName="quotas",
        Action="events:PutEvents",
        Principal=ACCOUNT,
        StatementId="OperationsMayPutEvents",
    )
    aws.client("iam").put_role_policy(
        RoleName=GUARD,
        PolicyName="customer",
        PolicyDocument=document({"Action": "events:PutEvents", "Resource": bus}),
    )
    told = {"acme": {**ONE["acme"], "event_bus": bus}}
    aws.use("acme", "fast", 83)
    for _ in range(3):
        aws.sweep(event(told))
        wait(aws)
    assert len(messages(aws)) == 1
    assert "has used 83 % of its quota of 100 tokens a day" in messages(aws)[0]
    aws.use("acme", "fast", 17)
    for _ in range(3):
        aws.sweep(event(told))
        wait(aws)
    next_day(aws)
    aws.sweep(event(told))
    kinds = ["Quota threshold passed", "Quota reached", "Quota renewed"]
    assert events(aws) == events(aws, bus) == kinds
    reached, renewed = messages(aws)[1:]
    assert reached.startswith("acme in dev has reached its quota of 100 tokens a day")
    assert renewed.startswith("acme in dev is let in again")


def test_a_parameter_that_somebody_edited_keeps_nobody_from_being_stopped(aws):
    aws.use("acme", "fast", 83)
    aws.sweep(event(ONE))
    edited = usage(aws)
    edited["windows"][0]["told"] = "80"
    aws.client("ssm").put_parameter(
        Name="/bedrock/dev/usage/acme", Value=json.dumps(edited), Type="String", Overwrite=True
    )
    aws.use("acme", "fast", 17)
    wait(aws)
    aws.sweep(event(ONE))
    assert attached(aws) == {ACME}
    assert usage(aws)["windows"][0]["told"] == 100


def test_a_bus_that_refuses_keeps_nobody_from_being_stopped(aws, caplog):
    bus = f"arn:aws:events:{REGION}:222222222222:event-bus/gone"
    aws.use("acme", "fast", 100)
    aws.sweep(event({"acme": {**ONE["acme"], "event_bus": bus}}))
    assert attached(aws) == {ACME}
    assert events(aws) == ["Quota reached"]
    assert "The event bus of acme has refused an event" in caplog.text


def test_what_the_topic_refused_is_told_by_the_next_run(aws):
    aws.use("acme", "fast", 83)
    aws.control.fault(Fault(service="sns", operation="Publish", code="InternalError", status=500))
    with pytest.raises(IncompleteSweepError):
        aws.sweep(event(ONE))
    assert messages(aws) == []
    aws.sweep(event(ONE))
    aws.sweep(event(ONE))
    assert len(messages(aws)) == 1


def test_two_guards_at_once_tell_once_and_do_no_harm(aws):
    aws.use("acme", "fast", 100)
    aws.guard_client("iam")
    threads = [threading.Thread(target=aws.sweep, args=(event(ONE),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert attached(aws) == {ACME}
    assert len(messages(aws)) == 1
    aws.sweep(event(ONE))
    assert len(messages(aws)) == 1


# --- how often ---

FAST = {"amazon.nova-lite-v1:0": 10}


def test_a_tenant_far_below_its_limit_is_read_rarely(aws):
    rare = event({"acme": quota("fast", tokens_per_day=10_000)}, tokens_per_minute=FAST)
    aws.sweep(rare)
    assert aws.sweep(rare).read == 0
    read = usage(aws)
    time = datetime.fromisoformat(read["time"])
    end = datetime.fromisoformat(read["windows"][0]["end"])
    next_read = min(time + timedelta(hours=6), end)
    assert datetime.fromisoformat(read["next_read"]) == next_read
    wait(aws, (next_read - time).total_seconds() - 120)
    assert aws.sweep(rare).read == 0
    wait(aws, 120)
    assert aws.sweep(rare).read == 1


def test_no_tenant_is_read_so_rarely_that_it_could_pass_its_limit_unseen(aws):
    """At 10 tokens a minute, 600 tokens are 60 minutes, less the 5 that a run may be late."""
    limited = event({"acme": quota("fast", tokens_per_day=1_000)}, tokens_per_minute=FAST)
    aws.use("acme", "fast", 400)
    aws.sweep(limited)
    read = usage(aws)
    time = datetime.fromisoformat(read["time"])
    end = datetime.fromisoformat(read["windows"][0]["end"])
    assert datetime.fromisoformat(read["next_read"]) == min(time + timedelta(minutes=55), end)


def test_a_model_whose_quota_is_not_known_is_read_at_every_run(aws):
    aws.sweep(event(ONE))
    aws.control.advance_clock(300)
    assert aws.sweep(event(ONE)).read == 2


def test_idle_profiles_cost_two_metrics_and_used_ones_four_more(aws):
    assert aws.sweep(event({"globex": ONE["globex"]})).metrics == 2
    aws.use("globex", "fast", 1)
    aws.control.advance_clock(300)
    assert aws.sweep(event({"globex": ONE["globex"]})).metrics == 6


def test_a_lost_or_foreign_plan_of_reads_is_made_anew(aws):
    rare = event({"acme": quota("fast", tokens_per_day=10_000)}, tokens_per_minute=FAST)
    aws.sweep(rare)
    for text in ("nothing", "12:abc", "x" * 30, "12:" + "é" * 13):
        aws.client("ssm").put_parameter(
            Name="/bedrock/dev/usage/_0", Value=text, Type="String", Overwrite=True
        )
        assert aws.sweep(rare).read == 1
        assert aws.sweep(rare).read == 0


def test_a_plan_of_reads_of_a_time_to_come_is_made_anew(aws):
    """As one that was edited by hand: nothing would be read until then."""
    rare = event({"acme": quota("fast", tokens_per_day=10_000)}, tokens_per_minute=FAST)
    aws.sweep(rare)
    plan = aws.client("ssm").get_parameter(Name="/bedrock/dev/usage/_0")["Parameter"]["Value"]
    minute, _, entries = plan.partition(":")
    for start in (int(minute) + 600_000, 10**15, 10**30):
        aws.client("ssm").put_parameter(
            Name="/bedrock/dev/usage/_0", Value=f"{start}:{entries}", Type="String", Overwrite=True
        )
        assert aws.sweep(rare).read == 1
        assert aws.sweep(rare).read == 0


def test_two_tenants_with_the_same_digest_are_read_at_every_run(aws, monkeypatch):
    """Five characters are 30 bits; one entry of the plan for two tenants would hide one of them."""
    limited = {name: quota("fast", tokens_per_day=10_000) for name in ("acme", "globex")}
    rare = event(limited, tokens_per_minute=FAST)
    aws.sweep(rare)
    assert aws.sweep(rare).read == 0
    monkeypatch.setattr("operations_guard.guard_input.digest_of", lambda _content: "equal")
    assert [aws.sweep(rare).read for _ in range(2)] == [2, 2]


# --- permissions and input ---


@pytest.mark.parametrize("number", range(7))
def test_each_permission_is_needed(aws, number):
    """Without one of the seven that a run with a reached alias uses, it fails."""
    limited = {"acme": quota("fast", "large", by_alias={"fast": {"tokens_per_day": 100}})}
    aws.use("acme", "fast", 100)
    rest = [statement for index, statement in enumerate(PERMISSIONS) if index != number]
    aws.client("iam").put_role_policy(
        RoleName=GUARD, PolicyName="grants", PolicyDocument=document(*rest)
    )
    with pytest.raises((ClientError, IncompleteSweepError)):
        aws.sweep(event(limited))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "no known time zone"),
        ({"limits": {"tokens_per_day": 0}}, "must be greater than 0"),
        ({"limits": {"tokens_per_week": 5}}, "no limit"),
        ({"warn_at": [0]}, "must be greater than 0"),
        ({"state": "paused"}, "is one of active"),
        ({"limits": [1]}, "not a JSON object"),
    ],
)
def test_an_input_that_terraform_would_not_write_is_refused(aws, change, words):
    with pytest.raises(GuardInputError, match=words):
        aws.sweep(event({"acme": {**ONE["acme"], **change}}))
