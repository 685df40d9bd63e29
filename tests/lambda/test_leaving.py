"""A process that ends records what is still open: on SIGTERM, and at the end of the program."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tenant_bedrock

LEAVES_A_STREAM_OPEN = """
import sys, time
from tenant_bedrock import connect

connection = connect()
stream = connection.chat("claude").stream("hello")
next(stream)
next(stream)
print("open", file=sys.stderr, flush=True)
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
        stdout=subprocess.DEVNULL,
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
