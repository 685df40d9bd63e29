"""Open calls are recorded on SIGTERM and at the end of the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tenant_bedrock
from tests.tools.localaws.small_functions import wait_until
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

LEAVES_A_STREAM_OPEN = """
import sys, threading, time
from tenant_bedrock import connect

def leave_a_stream_open():
    global connection, stream
    connection = connect()
    stream = connection.chat("claude").stream("hello")
    next(stream)
    next(stream)
    print("open", file=sys.stderr, flush=True)
"""
IN_THE_MAIN_THREAD = LEAVES_A_STREAM_OPEN + "leave_a_stream_open()\n"
IN_ANOTHER_THREAD = (
    LEAVES_A_STREAM_OPEN + "threading.Thread(target=leave_a_stream_open, daemon=True).start()\n"
)
HAS_A_HANDLER = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
"""
RAISES_SIGTERM = "import signal; signal.raise_signal(signal.SIGTERM)\n"
WAITS = "time.sleep(60)\n"
WAITS_OUTSIDE_PYTHON = "import ctypes; ctypes.CDLL(None).pause(); ctypes.CDLL(None).sleep(60)\n"
RECORDS_MANY_LARGE_CALLS = """
import sys, threading
from tenant_bedrock import connect

connection = connect()
chat = connection.chat("claude")
prompt = "word " * 800_000

def call_without_end(number):
    while True:
        chat.invoke(f"{number} {prompt}")

for number in range(12):
    threading.Thread(target=call_without_end, args=(number,), daemon=True).start()
print("calling", file=sys.stderr, flush=True)
threading.Event().wait()
"""


@pytest.fixture
def elsewhere(acme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tenant, with programs that run outside Lambda and keep a spool."""
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")
    monkeypatch.setenv("TENANT_BEDROCK_SPOOL", str(tmp_path / "spool"))
    return acme


@pytest.fixture
def spooled(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Reads the records in the spool."""

    def read() -> list[dict[str, Any]]:
        files = sorted((tmp_path / "spool").glob("*/*/*"))
        return [json.loads(path.read_text().partition("\n")[2]) for path in files]

    return read


def _start(source: str, *prefix: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", source],
        cwd=Path(tenant_bedrock.__file__).parents[1],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("source", "stop", "code"),
    [
        (IN_THE_MAIN_THREAD, False, 0),
        (IN_THE_MAIN_THREAD + WAITS, True, -signal.SIGTERM),
        (IN_THE_MAIN_THREAD + RAISES_SIGTERM, False, -signal.SIGTERM),
        (IN_ANOTHER_THREAD + WAITS, True, -signal.SIGTERM),
        (IN_ANOTHER_THREAD + WAITS_OUTSIDE_PYTHON, True, -signal.SIGTERM),
        (HAS_A_HANDLER + IN_THE_MAIN_THREAD + WAITS, True, 7),
    ],
    ids=[
        "end of the program",
        "SIGTERM",
        "SIGTERM that it sends itself at its end",
        "connected in another thread",
        "connected in another thread while the main thread is not in Python",
        "SIGTERM with a handler of the application",
    ],
)
def test_a_stream_left_open_is_recorded(elsewhere: Any, source: str, stop: bool, code: int) -> None:
    before = len(elsewhere.records())
    with _start(source) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "open\n"
        if stop:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == code

    (record,) = elsewhere.records()[before:]
    assert record["tenantBedrock"]["phase"] == "incomplete"
    assert record["output"]["outputBodyJson"]["output"]["message"]["content"][0]["text"]


def test_the_first_process_of_a_container_ends_on_sigterm(elsewhere: Any) -> None:
    """The kernel would keep a SIGTERM without a handler from it."""
    before = len(elsewhere.records())
    with _start(
        IN_THE_MAIN_THREAD + WAITS, "unshare", "--map-root-user", "--pid", "--fork", "--kill-child"
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "open\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM

    (record,) = elsewhere.records()[before:]
    assert record["tenantBedrock"]["phase"] == "incomplete"


def test_a_record_that_cloudwatch_has_not_acknowledged_is_copied(
    elsewhere: Any, spooled: Callable[[], list[dict[str, Any]]]
) -> None:
    elsewhere.control.fault(Fault("logs", delay_seconds=8, times=FOREVER))
    paid = len(elsewhere.control.calls(action="bedrock:InvokeModel"))
    source = 'from tenant_bedrock import connect\nconnect().chat("claude").invoke("hello")\n'
    with _start(source) as process:
        wait_until(lambda: len(elsewhere.control.calls(action="bedrock:InvokeModel")) > paid)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    assert process.returncode == -signal.SIGTERM
    assert [record["tenantBedrock"]["phase"] for record in spooled()] == ["end"]


TELLS_WHAT_IS_SPOOLED_AT_A_PUT = """
import os, pathlib
from botocore.httpsession import URLLib3Session

send = URLLib3Session.send

def send_and_tell(session, request):
    if b'phase' in (request.body or b"") and b'incomplete' in request.body:
        spool = pathlib.Path(os.environ["TENANT_BEDROCK_SPOOL"])
        print([path.suffix for path in spool.glob("*/*/*")], file=sys.stderr, flush=True)
    return send(session, request)

URLLib3Session.send = send_and_tell
"""


def test_an_open_call_is_in_the_spool_before_sigterm_has_it_put(
    elsewhere: Any, spooled: Callable[[], list[dict[str, Any]]]
) -> None:
    """Whoever sends SIGTERM may kill the process before CloudWatch has taken a large record."""
    with _start(IN_THE_MAIN_THREAD + TELLS_WHAT_IS_SPOOLED_AT_A_PUT + WAITS) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "open\n"
        process.send_signal(signal.SIGTERM)
        assert process.stderr.readline() == "['.incomplete']\n"
        assert process.wait(30) == -signal.SIGTERM

    assert elsewhere.records()[-1]["tenantBedrock"]["phase"] == "incomplete"
    assert spooled() == []


def test_sigterm_costs_no_call_of_many_threads_with_large_prompts(
    elsewhere: Any, spooled: Callable[[], list[dict[str, Any]]]
) -> None:
    paid = len(elsewhere.control.calls(action="bedrock:InvokeModel"))
    before = {record["tenantBedrock"]["recordId"] for record in elsewhere.records()}
    with _start(RECORDS_MANY_LARGE_CALLS) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "calling\n"
        wait_until(lambda: len(elsewhere.control.calls(action="bedrock:InvokeModel")) > paid + 14)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM

    calls = elsewhere.control.calls(action="bedrock:InvokeModel")[paid:]
    recorded = {
        record["tenantBedrock"]["recordId"]
        for record in [*elsewhere.records(), *spooled()]
        if record["tenantBedrock"]["phase"] != "start"
    }
    assert len(recorded - before) >= len(calls)


RAISES_IN_A_HANDLER = """
import signal, sys, threading
from tenant_bedrock import connect

chat = connect().chat("claude")

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
sys.setswitchinterval(1e-5)
for number in range(60):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.002 + number % 30 / 1000)
        chat.invoke(f"call {number}")
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        pass
other = threading.Thread(target=lambda: chat.invoke("another thread"))
other.start()
other.join()
chat.invoke("last")
"""


def test_an_exception_of_a_signal_handler_leaves_no_lock_taken(elsewhere: Any) -> None:
    before = len(elsewhere.records())
    with _start(RAISES_IN_A_HANDLER) as process:
        assert process.wait(60) == 0

    prompts = [
        record["input"]["inputBodyJson"]["messages"][0]["content"][0]["text"]
        for record in elsewhere.records()[before:]
        if "input" in record  # not in that of a call that was interrupted before its request
    ]
    assert {"another thread", "last"} <= set(prompts)
