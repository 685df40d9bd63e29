from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.tools.localaws.aws import ACME, make_role, refusal
from tests.tools.localaws.small_functions import REGION, deploy, wait_until, zipped

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

ECHO = """
import os
import sys
import time

def handler(event, context):
    event = event or {}
    if "fail" in event:
        raise ValueError(event["fail"])
    if "exit" in event:
        os._exit(event["exit"])
    time.sleep(event.get("sleep", 0))
    return {
        "deadline": context.get_remaining_time_in_millis(),
        "environment": dict(os.environ),
        "event": event,
        "path": sys.path,
        "pid": os.getpid(),
    }
"""


def test_runs_the_zip_and_returns_its_answer(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, ECHO)

    answer = function.invoke({"question": "ünïcode"})

    assert answer["Payload"]["event"] == {"question": "ünïcode"}
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer


def test_a_function_sees_lambdas_variables_and_no_others(
    local_aws: LocalAws, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVELOPERS_SECRET", "must not leak")
    variables = {"OWN": "1", "AWS_REGION": "mars", "TZ": "Europe/Berlin"}
    function = deploy(local_aws, connect, ECHO, Environment={"Variables": variables})

    answer = function.invoke()["Payload"]

    environment = answer["environment"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "fn"
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "/fn"
    assert environment["AWS_ENDPOINT_URL"] == local_aws.url
    assert environment["OWN"] == "1"
    assert (environment["AWS_REGION"], environment["TZ"]) == (REGION, "Europe/Berlin")
    assert "DEVELOPERS_SECRET" not in environment
    assert 9000 < answer["deadline"] <= 10_000


def test_a_package_that_is_not_in_the_zip_is_missing(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, "import rich\n" + ECHO)

    missing = function.invoke()
    function.client.update_function_code(
        FunctionName="fn", ZipFile=zipped(app="import rich\n" + ECHO, rich="")
    )

    assert missing["FunctionError"] == "Unhandled"
    assert missing["Payload"]["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'rich'" in missing["Payload"]["errorMessage"]
    assert "FunctionError" not in function.invoke()


def test_boto3_is_there_as_in_lambda_unless_the_zip_has_a_botocore_of_its_own(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, "import boto3, dateutil\n" + ECHO)

    given = function.invoke()
    function.client.update_function_code(
        FunctionName="fn", ZipFile=zipped(app="import boto3\n" + ECHO, **{"botocore/__init__": ""})
    )

    assert "FunctionError" not in given
    assert function.invoke()["FunctionError"] == "Unhandled"


def test_an_exception_is_the_functions_error(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, ECHO)

    failed = function.invoke({"fail": "no such model"})

    assert failed["FunctionError"] == "Unhandled"
    assert failed["Payload"]["errorType"] == "ValueError"
    assert failed["Payload"]["errorMessage"] == "no such model"
    assert failed["Payload"]["stackTrace"]
    assert "FunctionError" not in function.invoke()


def test_a_crash_is_an_exit_error_and_a_new_process_follows(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, ECHO)
    first = function.invoke()["Payload"]["pid"]

    crashed = function.invoke({"exit": 3})

    assert crashed["Payload"]["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in crashed["Payload"]["errorMessage"]
    assert function.invoke()["Payload"]["pid"] != first


def test_a_function_is_killed_at_its_timeout(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, ECHO, Timeout=1)

    late = function.invoke({"sleep": 30})

    assert late["FunctionError"] == "Unhandled"
    assert late["Payload"]["errorType"] == "Sandbox.Timedout"
    assert late["Payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert function.environments() == []
    assert "FunctionError" not in function.invoke()


def test_an_environment_is_reused_and_frozen_between_calls(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, ECHO)

    first, second = (function.invoke()["Payload"]["pid"] for _ in range(2))

    assert first == second
    (environment,) = function.environments()
    assert (environment["state"], environment["invocations"]) == ("frozen", 2)
    # The kernel stops a process when it is next scheduled, which may be after the answer.
    wait_until(lambda: "\nState:\tT (stopped)" in Path(f"/proc/{first}/status").read_text())


def test_concurrent_calls_run_in_separate_environments(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, ECHO)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(function.invoke, [{"sleep": 0.5}, {"sleep": 0.5}]))

    assert len({answer["Payload"]["pid"] for answer in answers}) == 2


def test_refuses_more_calls_than_the_reserved_concurrency(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, ECHO)
    function.client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(function.invoke, {"sleep": 1})
        wait_until(lambda: bool(function.environments()))
        refused, _ = refusal(function.client.invoke, FunctionName="fn")

    assert refused == "TooManyRequestsException"
    assert "FunctionError" not in running.result()
    assert "FunctionError" not in function.invoke()


def test_new_code_and_new_configuration_start_new_environments(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, ECHO)
    old = function.invoke()["Payload"]["pid"]

    function.client.update_function_code(
        FunctionName="fn", ZipFile=zipped(app="def handler(event, context): return 'new'")
    )
    assert function.invoke()["Payload"] == "new"

    function.client.update_function_code(FunctionName="fn", ZipFile=zipped(app=ECHO))
    function.client.update_function_configuration(
        FunctionName="fn", Environment={"Variables": {"OWN": "2"}}
    )
    answer = function.invoke()["Payload"]

    assert answer["environment"]["OWN"] == "2"
    assert answer["pid"] != old
    assert [environment["pid"] for environment in function.environments()] == [answer["pid"]]


def test_a_deleted_function_is_gone_and_so_is_its_process(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, ECHO)
    pid = function.invoke()["Payload"]["pid"]

    function.client.delete_function(FunctionName="fn")

    assert not Path(f"/proc/{pid}").exists()
    refused, message = refusal(function.client.invoke, FunctionName="fn")
    assert refused == "ResourceNotFoundException"
    assert message == f"Function not found: arn:aws:lambda:{REGION}:{ACME}:function:fn"


def test_refuses_a_payload_over_six_megabytes(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, "def handler(event, context): return len(event)")
    fits = "x" * (6 * 1024 * 1024 - 2)

    assert function.invoke(fits)["Payload"] == len(fits)

    with pytest.raises(ClientError) as refused:
        function.invoke(fits + "x")
    assert refused.value.response["Error"]["Code"] == "RequestTooLargeException"


def test_refuses_an_answer_over_six_megabytes(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, "def handler(event, context): return 'x' * event")

    assert len(function.invoke(6 * 1024 * 1024)["Payload"]) == 6 * 1024 * 1024

    too_large = function.invoke(6 * 1024 * 1024 + 200)
    assert too_large["Payload"]["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_dry_run_runs_nothing(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, ECHO)

    answer = function.invoke(InvocationType="DryRun")

    assert answer["StatusCode"] == 204
    assert function.environments() == []


def test_returns_the_tail_of_the_log_on_request(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, "def handler(event, context): print('hello from here')")

    tail = base64.b64decode(function.invoke(LogType="Tail")["LogResult"]).decode()

    assert "hello from here\n" in tail
    assert "LogResult" not in function.invoke()


def test_a_role_that_does_not_trust_lambda_runs_no_function(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, ECHO)
    iam = connect("iam", local_aws.control.account(ACME))
    trust = {"Sid": "OnlyEc2", "Principal": {"Service": "ec2.amazonaws.com"}}
    other = make_role(iam, "other", trust)

    refused, message = refusal(
        function.client.create_function,
        FunctionName="second",
        Role=other,
        Code={"ZipFile": zipped(app=ECHO)},
        Handler="app.handler",
        Runtime="python3.13",
    )

    assert refused == "InvalidParameterValueException"
    assert message == "The role defined for the function cannot be assumed by Lambda."


def test_returns_the_logging_configuration(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, ECHO)
    config = function.client.get_function(FunctionName="fn")["Configuration"]["LoggingConfig"]
    assert config == {
        "ApplicationLogLevel": "INFO",
        "LogFormat": "JSON",
        "LogGroup": "/fn",
        "SystemLogLevel": "INFO",
    }

    function.client.update_function_configuration(
        FunctionName="fn", LoggingConfig={"LogFormat": "Text"}
    )

    config = function.client.get_function_configuration(FunctionName="fn")["LoggingConfig"]
    assert config == {"LogFormat": "Text", "LogGroup": "/aws/lambda/fn"}


def test_a_failing_event_is_retried_twice(local_aws: LocalAws, connect: Connect) -> None:
    source = "def handler(event, context): raise ValueError('always')"
    function = deploy(local_aws, connect, source)

    accepted = function.invoke(InvocationType="Event")
    wait_until(lambda: sum("platform.report" in message for message in function.log()) == 3)

    assert accepted["StatusCode"] == 202
    requests = [message for message in function.log() if '"platform.start"' in message]
    assert len(requests) == 3


def test_stores_the_snap_start_setting(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, ECHO)

    def apply_on() -> str:
        settings = function.client.get_function_configuration(FunctionName="fn")
        return str(settings["SnapStart"]["ApplyOn"])

    assert apply_on() == "None"
    function.client.update_function_configuration(
        FunctionName="fn", SnapStart={"ApplyOn": "PublishedVersions"}
    )
    assert apply_on() == "PublishedVersions"
