from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.tools.localaws.small_functions import deploy

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

SPEAKS = """
import logging
import sys

def handler(event, context):
    print("plain\\nlines")
    print("to stderr", file=sys.stderr)
    logging.getLogger().warning("framed\\nmessage")
    logging.getLogger().debug("too quiet")
    return context.log_stream_name
"""


def test_a_json_log_holds_the_platforms_records_around_the_functions(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, SPEAKS)

    function.invoke()

    messages = function.log()
    platform = [json.loads(m) for m in messages if '"platform.' in m]
    assert [record["type"] for record in platform] == [
        "platform.initStart",
        "platform.start",
        "platform.report",
    ]
    assert platform[-1]["record"]["status"] == "success"
    assert {"plain", "lines", "to stderr"} <= set(messages)
    framed = [json.loads(m) for m in messages if "framed" in m]
    assert [record["message"] for record in framed] == ["framed\nmessage"]
    assert not any("too quiet" in message for message in messages)


def test_a_text_log_holds_start_end_and_report(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(
        local_aws, connect, SPEAKS, LoggingConfig={"LogFormat": "Text", "LogGroup": "/fn"}
    )

    answer = function.invoke()

    request_id = answer["ResponseMetadata"]["RequestId"]
    messages = function.log()
    assert messages[0].startswith("INIT_START Runtime Version: python3.13")
    assert messages[1] == f"START RequestId: {request_id} Version: $LATEST"
    assert messages[-2] == f"END RequestId: {request_id}"
    assert messages[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert any(message.endswith("framed\nmessage") for message in messages)


def test_an_environment_writes_to_the_stream_that_the_function_sees(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, SPEAKS)

    names = {function.invoke()["Payload"] for _ in range(2)}

    streams = function.logs.describe_log_streams(logGroupName="/fn")["logStreams"]
    assert {stream["logStreamName"] for stream in streams} == names


def test_a_long_framed_message_is_one_event(local_aws: LocalAws, connect: Connect) -> None:
    source = """
import logging

def handler(event, context):
    logging.getLogger().error("x" * event)
"""
    function = deploy(local_aws, connect, source)

    function.invoke(200_000)

    (long,) = [json.loads(m) for m in function.log() if "xxx" in m]
    assert long["message"] == "x" * 200_000


def test_nothing_is_written_when_the_role_may_not_write(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, SPEAKS, permissions=())

    answer = function.invoke()

    assert "FunctionError" not in answer
    assert function.log() == []
    (refused,) = local_aws.control.calls(action="logs:CreateLogStream")
    assert (refused.allowed, refused.principal_arn.split("/")[-2:]) == (False, ["fn", "fn"])


def test_what_a_function_wrote_before_its_timeout_is_in_the_log(
    local_aws: LocalAws, connect: Connect
) -> None:
    source = """
import time

def handler(event, context):
    print("before the end")
    time.sleep(30)
"""
    function = deploy(local_aws, connect, source, Timeout=1)

    function.invoke()

    assert "before the end" in function.log()
    report = json.loads(function.log()[-1])
    assert report["record"]["status"] == "timeout"


def test_an_import_error_is_in_the_log(local_aws: LocalAws, connect: Connect) -> None:
    function = deploy(local_aws, connect, "import nowhere")

    function.invoke()

    (error,) = [m for m in function.log() if "Runtime.ImportModuleError" in m and "level" in m]
    assert "No module named 'nowhere'" in json.loads(error)["errorMessage"]
