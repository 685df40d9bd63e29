"""A forked process calls and records by itself, and leaves its parent's calls to the parent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tenant_bedrock

PARENT = """
import multiprocessing, os, signal, sys, threading, time
from tenant_bedrock import connect

connection = connect()
chat = connection.chat("claude")
chat.invoke("warm")
"""
# The parent keeps calling over its own connections while the children call over theirs.
BOTH_CALL = """
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        for call in range(5):
            assert f"child {number} {call}" in chat.invoke(f"child {number} {call}").text
        os._exit(0)
    children.append(child)
for call in range(20):
    assert f"parent {call}" in chat.invoke(f"parent {call}").text
codes = [os.waitpid(child, 0)[1] for child in children]
sys.exit(max(codes))
"""
PARENT_STREAMS = """
stream = chat.stream("one two three four five")
next(stream)
child = os.fork()
if child == 0:
    del stream  # the parent's
    chat.invoke("child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert len(list(stream)) > 2
"""
CHILD_LEAVES_A_STREAM = """
def leave_a_stream():
    global stream
    stream = chat.stream("child")
    next(stream)

if __name__ == "__main__":
    process = multiprocessing.get_context("{method}").Process(target=leave_a_stream)
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""
PARENT_HAS_THE_LOCKS = """
import functools
holds, held = threading.Event(), threading.Event()

def hold():
    recorder = connection._recorder
    with recorder._book._change, recorder._marks._lock, recorder._thread._lock, \\
            connection._clients._lock, recorder._delivery._lock, \\
            connection._sessions.budget._deadline._lock, recorder._deadline._lock:
        held.set()
        holds.wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    chat.invoke("child")
    connection.chat("claude", region="eu-central-1").invoke("child again")
    os._exit(0)
holds.set()
sys.exit(os.waitpid(child, 0)[1])
"""
CHILDREN_ARE_TERMINATED_AT_ONCE = """
for number in range(20):
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    time.sleep(number / 1000)
    os.kill(child, signal.SIGTERM)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (-signal.SIGTERM, 128 + signal.SIGTERM), code  # 143 on a slow machine
chat.invoke("parent")
"""


@pytest.fixture
def phases(acme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a program outside Lambda and returns the phase of each new record and its prompt."""
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")
    monkeypatch.setenv("TENANT_BEDROCK_SPOOL", str(tmp_path / "spool"))
    before = len(acme.records())

    def run(source: str) -> list[tuple[str, str]]:
        program = tmp_path / "program.py"
        program.write_text(PARENT + source)
        home = str(Path(tenant_bedrock.__file__).parents[1])
        monkeypatch.setenv("PYTHONPATH", home)
        subprocess.run([sys.executable, program], check=True, timeout=60)
        return sorted(
            (
                record["tenantBedrock"]["phase"],
                record["input"]["inputBodyJson"]["messages"][0]["content"][0]["text"],
            )
            for record in acme.records()[before:]
        )

    return run


def test_parent_and_children_call_at_the_same_time(phases: Any) -> None:
    children = [("end", f"child {number} {call}") for number in range(4) for call in range(5)]
    parent = [("end", f"parent {call}") for call in range(20)]

    assert phases(BOTH_CALL) == sorted([*children, *parent, ("end", "warm")])


def test_an_open_stream_of_the_parent_is_recorded_by_the_parent_alone(phases: Any) -> None:
    assert phases(PARENT_STREAMS) == [
        ("end", "child"),
        ("end", "one two three four five"),
        ("end", "warm"),
    ]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_process_of_multiprocessing_records_its_open_calls_at_its_end(
    phases: Any, method: str
) -> None:
    recorded = phases(CHILD_LEAVES_A_STREAM.replace("{method}", method))

    assert ("incomplete", "child") in recorded
    assert recorded.count(("incomplete", "child")) == 1


def test_a_lock_that_a_thread_of_the_parent_holds_does_not_stop_the_child(phases: Any) -> None:
    assert phases(PARENT_HAS_THE_LOCKS) == [
        ("end", "child"),
        ("end", "child again"),
        ("end", "warm"),
    ]


def test_sigterm_of_a_child_that_starts_is_not_its_parents(phases: Any) -> None:
    assert phases(CHILDREN_ARE_TERMINATED_AT_ONCE) == [("end", "parent"), ("end", "warm")]
