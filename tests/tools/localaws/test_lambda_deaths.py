from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import ACME
from tests.tools.localaws.small_functions import REGION, deploy, wait_until

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

# Calls CreateLogStream with the standard library alone: the zip holds nothing else.
CALLS = """
import datetime
import hashlib
import hmac
import json
import os
import urllib.request

def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()

def call(operation, **members):
    env, body = os.environ, json.dumps(members).encode()
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    host = env["AWS_ENDPOINT_URL"].removeprefix("http://")
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": now,
        "x-amz-security-token": env["AWS_SESSION_TOKEN"],
        "x-amz-target": f"Logs_20140328.{operation}",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\\n" for name, value in headers.items())
    canonical = f"POST\\n/\\n\\n{lines}\\n{names}\\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{now[:8]}/{env['AWS_REGION']}/logs/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\\n{now}\\n{scope}\\n{digest}"
    key = b"AWS4" + env["AWS_SECRET_ACCESS_KEY"].encode()
    for part in scope.split("/"):
        key = sign(key, part)
    signature = sign(key, text).hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={env['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    request = urllib.request.Request(env["AWS_ENDPOINT_URL"] + "/", body, headers)
    urllib.request.urlopen(request).read()

def handler(event, context):
    call("CreateLogStream", logGroupName="/fn", logStreamName="called")
    return "called"
"""


def stream_exists(function: Any) -> bool:
    streams = function.logs.describe_log_streams(logGroupName="/fn")["logStreams"]
    return any(stream["logStreamName"] == "called" for stream in streams)


def kill(local_aws: LocalAws, at: str) -> None:
    local_aws.control.post("lambda_kill", {"account": ACME, "function": "fn", "at": at})


def test_a_function_without_a_scripted_death_makes_its_call(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(local_aws, connect, CALLS)

    assert function.invoke()["Payload"] == "called"
    assert stream_exists(function)


@pytest.mark.parametrize(
    ("step", "has_stream"),
    [
        ("init", False),
        ("before logs:CreateLogStream", False),
        ("after logs:CreateLogStream", True),
        ("response", True),
    ],
)
def test_a_function_dies_at_the_scripted_step(
    local_aws: LocalAws, connect: Connect, step: str, has_stream: bool
) -> None:
    function = deploy(local_aws, connect, CALLS)
    kill(local_aws, step)

    died = function.invoke()

    assert died["Payload"]["errorType"] == "Runtime.ExitError"
    assert died["Payload"]["errorMessage"].endswith("signal: killed")
    assert stream_exists(function) is has_stream


def test_a_frozen_environment_that_is_killed_is_replaced(
    local_aws: LocalAws, connect: Connect
) -> None:
    function = deploy(
        local_aws, connect, "import os\ndef handler(event, context): return os.getpid()"
    )
    first = function.invoke()["Payload"]

    kill(local_aws, "now")

    assert function.invoke()["Payload"] != first


SERVES = f"""
import sys
from tools.localaws.local_aws import LocalAws
from tests.tools.localaws.small_functions import deploy
import boto3

with LocalAws() as local_aws:
    def connect(service, keys):
        return boto3.client(
            service, "{REGION}", endpoint_url=local_aws.url,
            aws_access_key_id=keys.access_key_id, aws_secret_access_key=keys.secret_access_key,
        )
    source = "import os\\ndef handler(event, context): return [os.getpid(), os.environ['TMPDIR']]"
    print(*deploy(local_aws, connect, source).invoke()["Payload"], flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_an_ended_local_aws_leaves_no_process_and_no_file(end: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        pid, scratch = server.stdout.readline().split()
        assert Path(f"/proc/{pid}").exists()
        assert Path(scratch).exists()

        if end == "killed":
            server.send_signal(signal.SIGKILL)
        server.communicate()

    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    wait_until(lambda: not Path(scratch).parents[1].exists())
