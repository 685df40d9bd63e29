"""The control API: the search in all stored data, the trail, scripted faults, the server process."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError

from tests.tools.localaws.aws import ACME, GLOBEX, OPERATIONS, assume, document, make_role, refusal
from tests.tools.localaws.small_functions import TRUST_LAMBDA, zipped
from tools.localaws.control import Control, ControlError
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws
    from tools.localaws.sts.sessions import Credentials

CANARY = "canary-7f3a9c1e"


# --- search ---


def plant_in_object(connect: Connect, keys: Credentials) -> None:
    s3 = connect("s3", keys)
    s3.create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    s3.put_object(Bucket="bucket", Key="k", Body=f"before {CANARY} after".encode())


def plant_in_object_name(connect: Connect, keys: Credentials) -> None:
    s3 = connect("s3", keys)
    s3.create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    s3.put_object(Bucket="bucket", Key=CANARY, Body=b"")


def plant_in_log_event(connect: Connect, keys: Credentials) -> None:
    plant_text_in_log(connect, keys, json.dumps({"prompt": CANARY}))


def plant_in_base64(connect: Connect, keys: Credentials) -> None:
    plant_text_in_log(connect, keys, base64.b64encode(f"a prompt: {CANARY}".encode()).decode())


def plant_in_hex(connect: Connect, keys: Credentials) -> None:
    plant_text_in_log(connect, keys, CANARY.encode().hex())


def plant_text_in_log(connect: Connect, keys: Credentials, text: str) -> None:
    logs = connect("logs", keys)
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": text}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])


def plant_in_tag(connect: Connect, keys: Credentials) -> None:
    connect("kms", keys).create_key(Tags=[{"TagKey": "note", "TagValue": CANARY}])


def plant_in_session_name(connect: Connect, keys: Credentials) -> None:
    role = make_role(connect("iam", keys), "app", {"Principal": {"AWS": ACME}})
    assume(connect("sts", keys), role, RoleSessionName=CANARY)


def plant_in_queue(connect: Connect, keys: Credentials) -> None:
    sqs = connect("sqs", keys)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=CANARY)


def plant_in_function(connect: Connect, keys: Credentials, **settings: Any) -> None:
    trust = {"Principal": {"Service": "lambda.amazonaws.com"}}
    role = make_role(connect("iam", keys), "app", trust)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m.py", settings.pop("source", "def h(event, context): ..."))
    connect("lambda", keys).create_function(
        FunctionName="f",
        Runtime="python3.13",
        Handler="m.h",
        Role=role,
        Code={"ZipFile": code.getvalue()},
        **settings,
    )


def plant_in_environment(connect: Connect, keys: Credentials) -> None:
    plant_in_function(connect, keys, Environment={"Variables": {"NOTE": CANARY}})


def plant_in_code(connect: Connect, keys: Credentials) -> None:
    plant_in_function(connect, keys, source=f"NOTE = {CANARY!r}\n")


@pytest.mark.parametrize(
    "plant",
    [
        plant_in_base64,
        plant_in_code,
        plant_in_environment,
        plant_in_hex,
        plant_in_log_event,
        plant_in_object,
        plant_in_object_name,
        plant_in_queue,
        plant_in_session_name,
        plant_in_tag,
    ],
)
def test_search_finds_the_canary_only_where_it_was_planted(
    local_aws: LocalAws, connect: Connect, plant: Any
) -> None:
    local_aws.control.account(GLOBEX)
    local_aws.control.account(OPERATIONS)
    assert local_aws.control.search(CANARY) == {}
    plant(connect, local_aws.control.account(ACME))
    assert list(local_aws.control.search(CANARY)) == [ACME]


def test_search_says_where(local_aws: LocalAws, connect: Connect) -> None:
    plant_in_log_event(connect, local_aws.control.account(ACME))
    assert local_aws.control.search(CANARY)[ACME] == [
        "logs/eu-central-1/groups/g/streams/s/events/0/message"
    ]


def test_search_refuses_a_short_needle(local_aws: LocalAws) -> None:
    with pytest.raises(ControlError, match="eight bytes"):
        local_aws.control.search("short")


# --- the trail ---


def test_the_trail_has_caller_action_and_reason_but_no_content(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys = local_aws.control.account(
        ACME, policies=[document({"Sid": "Read", "Action": "logs:Describe*", "Resource": "*"})]
    )
    logs = connect("logs", keys)
    logs.describe_log_groups()
    refusal(logs.create_log_group, logGroupName="g", tags={"note": CANARY})
    allowed, refused = local_aws.control.calls(service="logs")
    assert (allowed.allowed, allowed.status, allowed.action) == (
        True,
        200,
        "logs:DescribeLogGroups",
    )
    assert (refused.allowed, refused.status, refused.account) == (False, 400, ACME)
    assert refused.principal_arn == "arn:aws:iam::222222222222:user/deployer"
    assert refused.error_code == "AccessDeniedException"
    assert refused.refused_by == "identity-based policy"
    assert "statement Read does not match" in refused.reason
    assert local_aws.control.search(CANARY) == {}


# --- faults ---


@pytest.fixture
def logs(local_aws: LocalAws, connect: Connect) -> Any:
    client = connect("logs", local_aws.control.account(ACME))
    client.create_log_group(logGroupName="g")
    return client


def test_a_fault_occurs_as_often_as_scripted(local_aws: LocalAws, logs: Any) -> None:
    fault = Fault(
        service="logs",
        operation="DescribeLogGroups",
        skip=1,
        times=2,
        code="ThrottlingException",
        status=429,
    )
    local_aws.control.fault(fault)
    logs.describe_log_groups()
    assert refusal(logs.describe_log_groups)[0] == "ThrottlingException"
    assert refusal(logs.describe_log_groups)[0] == "ThrottlingException"
    logs.describe_log_groups()


def test_a_fault_affects_only_matching_calls(
    local_aws: LocalAws, connect: Connect, logs: Any
) -> None:
    local_aws.control.fault(Fault(service="logs", account=GLOBEX, times=FOREVER, code="Broken"))
    logs.describe_log_groups()
    others = connect("logs", local_aws.control.account(GLOBEX))
    assert refusal(others.describe_log_groups)[0] == "Broken"
    local_aws.control.clear_faults()
    others.describe_log_groups()


def test_a_refused_call_uses_up_no_fault(local_aws: LocalAws, connect: Connect, logs: Any) -> None:
    local_aws.control.fault(Fault(service="logs", code="Broken"))
    nobody = local_aws.control.account(
        ACME, user="nobody", policies=[document({"Action": "sqs:*", "Resource": "*"})]
    )
    assert refusal(connect("logs", nobody).describe_log_groups)[0] == "AccessDeniedException"
    assert refusal(logs.describe_log_groups)[0] == "Broken"


@pytest.mark.parametrize(("drop", "exists"), [("before", False), ("after", True)])
def test_a_connection_can_break_before_or_after_the_work(
    local_aws: LocalAws, logs: Any, drop: Any, exists: bool
) -> None:
    local_aws.control.fault(Fault(operation="CreateLogGroup", drop=drop))
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        logs.create_log_group(logGroupName="lost")
    groups = logs.describe_log_groups(logGroupNamePrefix="lost")["logGroups"]
    assert bool(groups) is exists


# --- accounts ---


REACHING = """
import http.client, json, os, urllib.parse
def handler(event, context):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)
    statuses = []
    for route in ("account", "calls", "fault", "health", "search", "advance_clock", "lambda_kill"):
        for token in ("", os.environ["AWS_SESSION_TOKEN"]):
            headers = {"Authorization": "Bearer " + token}
            connection.request("POST", "/_control/" + route, json.dumps(event), headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
    return {"statuses": statuses, "variables": dict(os.environ)}
"""


def test_a_functions_code_cannot_use_the_control_api(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(ACME)
    role = make_role(connect("iam", keys), "app", TRUST_LAMBDA)
    functions = connect("lambda", keys)
    functions.create_function(
        FunctionName="app",
        Runtime="python3.13",
        Handler="module.handler",
        Role=role,
        Code={"ZipFile": zipped(module=REACHING)},
    )
    event = {"account": OPERATIONS, "user": "intruder", "policies": [], "needle": "x", "seconds": 1}
    answer = json.load(functions.invoke(FunctionName="app", Payload=json.dumps(event))["Payload"])
    assert set(answer["statuses"]) == {403}
    token = local_aws.control_url.split("//")[1].partition("@")[0]
    assert len(token) > 30
    assert token not in json.dumps(answer["variables"])
    iam = connect("iam", local_aws.control.account(OPERATIONS))
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["deployer"]


def test_the_control_api_refuses_a_wrong_token(local_aws: LocalAws) -> None:
    wrong = Control(local_aws.control_url.replace("//", "//x"))
    with pytest.raises(ControlError, match="token"):
        wrong.calls()
    with pytest.raises(ControlError, match="token"):
        Control(local_aws.url).health()
    assert local_aws.control.health()


def test_an_account_id_has_twelve_digits(local_aws: LocalAws) -> None:
    with pytest.raises(ControlError, match="12 digits"):
        local_aws.control.account("22222222222")


def test_a_policy_that_cannot_be_evaluated_is_refused(local_aws: LocalAws) -> None:
    bad = document({"Action": "*", "Resource": "*", "Condition": {"StringEqual": {"a:a": "b"}}})
    with pytest.raises(ControlError, match="StringEqual"):
        local_aws.control.account(ACME, policies=[bad])


# --- serving ---


def test_serves_until_a_signal_and_removes_its_state_file(tmp_path: Path) -> None:
    state = tmp_path / "local_aws.json"
    server = subprocess.Popen([sys.executable, "-m", "tools.localaws", "serve", "--state", state])
    try:
        while not state.exists():
            assert server.poll() is None
            time.sleep(0.05)
        content = json.loads(state.read_text())
        assert content["pid"] == server.pid
        assert content["url"].startswith("http://127.0.0.1:")
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        control = Control(content["control_url"])
        assert control.endpoint == content["url"]
        assert control.health()
        assert control.account(ACME).access_key_id
    finally:
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait(timeout=30) == 0
    assert not state.exists()
