"""Open calls are recorded on SIGTERM and at the end of the program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import tenant_bedrock
from tests.tools.localaws.small_functions import wait_until
from tools.localaws.faults import Fault

LEAVES_A_STREAM_OPEN = """
import sys, time
from tenant_bedrock import connect

connection = connect()
stream = connection.chat("claude").stream("hello")
next(stream)
next(stream)
print("open", file=sys.stderr, flush=True)
"""
WAITS_FOR_CLOUDWATCH = """
from tenant_bedrock import connect

connect().chat("claude").invoke("hello")
"""
HAS_ITS_OWN_HANDLER = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
"""


def _start(source: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=Path(tenant_bedrock.__file__).parents[1],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("source", "stop", "code"),
    [
        (LEAVES_A_STREAM_OPEN, False, 0),
        (LEAVES_A_STREAM_OPEN + "time.sleep(60)", True, -signal.SIGTERM),
        (HAS_ITS_OWN_HANDLER + LEAVES_A_STREAM_OPEN + "time.sleep(60)", True, 7),
    ],
    ids=["end of the program", "SIGTERM", "SIGTERM with a handler of its own"],
)
def test_a_stream_left_open_is_recorded(acme: Any, source: str, stop: bool, code: int) -> None:
    before = len(acme.records())
    with _start(source) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "open\n"
        if stop:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == code

    (record,) = acme.records()[before:]
    assert record["tenantBedrock"]["phase"] == "incomplete"
    assert record["output"]["outputBodyJson"]["output"]["message"]["content"][0]["text"]


def test_a_record_that_cloudwatch_has_not_acknowledged_goes_to_stdout(acme: Any) -> None:
    acme.control.fault(Fault("logs", "PutLogEvents", delay_seconds=1.9))
    paid = len(acme.control.calls(action="bedrock:InvokeModel"))
    with _start(WAITS_FOR_CLOUDWATCH) as process:
        wait_until(lambda: len(acme.control.calls(action="bedrock:InvokeModel")) > paid)
        time.sleep(0.2)  # from the answer to the put
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=30)

    assert process.returncode == -signal.SIGTERM
    mark, spilled = [json.loads(line) for line in printed.splitlines()]
    assert mark["message"] == "record.start"
    assert (spilled["message"], spilled["reason"]) == ("record.spilled", "TimeoutError")
    assert spilled["record"]["tenantBedrock"]["phase"] == "end"
