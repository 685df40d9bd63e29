"""Locks of states, and which process of this machine holds one."""

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.paths import ROOT
from tools.processes import AbortedCommandError, InterruptedCommandError, KilledProcessError
from tools.terraform.state_bucket import StateBucket
from tools.terraform.state_lock import (
    WAIT_MINUTES,
    StateLock,
    holder_file,
    is_locked,
    locked,
    was_left,
    writing_noted,
)

WRITTEN = {
    "ID": "8a1b2f5e-1c4e-0d9d-6a77-0c1de8c1f0aa",
    "Operation": "OperationTypeApply",
    "Info": "",
    "Who": "deployer@build-7",
    "Version": "1.11.4",
    "Created": "2026-11-26T17:01:02.123456789Z",
    "Path": "bucket/operations.tfstate",
}


def parsed(content):
    return StateLock.parse("operations.tfstate", json.dumps(content).encode())


def test_says_who_has_locked_the_state_since_when():
    lock = parsed(WRITTEN)
    assert str(lock) == "deployer@build-7 since 2026-11-26 17:01:02 UTC (apply)"
    assert not lock.is_of_this_machine


def test_recognizes_a_lock_of_this_user_on_this_machine_whatever_the_login_is(monkeypatch):
    monkeypatch.setenv("LOGNAME", "alice")
    assert lock_of_mine().is_of_this_machine


def test_a_user_that_the_system_does_not_know_is_named_by_the_variable_as_terraform_does(
    monkeypatch,
):
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    monkeypatch.setenv("USER", "deployer")
    monkeypatch.setattr(socket, "gethostname", lambda: "build-7")
    assert parsed(WRITTEN).is_of_this_machine


def lock_of_mine(seconds=0):
    """A lock that terraform of this user took now, or some seconds later."""
    who = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"
    created = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    content = {**WRITTEN, "Who": who, "Created": created}
    return parsed(content)


def test_a_lock_is_left_only_by_a_command_that_noted_that_it_began_to_write(tmp_path):
    file = tmp_path / "holder"
    assert not was_left(lock_of_mine(), file)
    with locked(file, nobody_waits) as descriptor, writing_noted(descriptor, unasked):
        note = file.read_text()
    # It ended by itself, so a lock is of somebody else.
    assert not was_left(lock_of_mine(), file)
    with (
        pytest.raises(KilledProcessError),
        locked(file, nobody_waits) as descriptor,
        writing_noted(descriptor, lambda: True),
    ):
        raise KilledProcessError
    assert was_left(lock_of_mine(), file)
    file.write_text(note)
    assert was_left(lock_of_mine(WAIT_MINUTES * 60), file)
    assert not was_left(lock_of_mine(-60), file)
    assert not was_left(lock_of_mine(WAIT_MINUTES * 60 + 120), file)
    assert not was_left(parsed(WRITTEN), file)


@pytest.mark.parametrize(
    "error",
    [
        AbortedCommandError("Error: operation canceled"),
        CommandError("Error: Error releasing the state lock\nAccess Denied"),
        KilledProcessError(),
    ],
    ids=["stopped at once", "not released", "killed"],
)
@pytest.mark.parametrize("stays", [True, False])
def test_terraform_that_could_not_remove_its_lock_has_left_it_if_it_is_still_there(
    tmp_path, error, stays
):
    file = tmp_path / "holder"
    with (
        pytest.raises(type(error)),
        locked(file, nobody_waits) as descriptor,
        writing_noted(descriptor, lambda: stays),
    ):
        raise error
    assert was_left(lock_of_mine(), file) is stays


@pytest.mark.parametrize(
    "error",
    [
        CommandError("Error: Error acquiring the state lock"),
        InterruptedCommandError("Error: context canceled"),
        OSError("No space left on device"),
    ],
    ids=["another command's lock", "stopped once", "an error of this command"],
)
def test_terraform_that_ended_otherwise_has_left_no_lock(tmp_path, error):
    file = tmp_path / "holder"
    with (
        pytest.raises(type(error)),
        locked(file, nobody_waits) as descriptor,
        writing_noted(descriptor, unasked),
    ):
        raise error
    assert not was_left(lock_of_mine(), file)


def unasked():
    raise AssertionError("terraform has removed its lock")


@pytest.mark.parametrize(
    "text", [b"{}", b'{"Created": "yesterday"}', b"", b"[]", b"locked", b"\xff"]
)
def test_reads_an_object_that_terraform_did_not_write(text):
    lock = StateLock.parse("operations.tfstate", text)
    assert lock.age_seconds() > 1e9
    assert lock.who == "something other than Terraform"
    assert not lock.id


def nobody_waits():
    raise AssertionError("nobody else holds the lock")


HELD = """\
import os, sys
from pathlib import Path
from tools.processes import PROCESSES
from tools.terraform.state_lock import locked

file = Path(sys.argv[1])
with locked(file, print):
    command = ["bash", "-c", "sleep 60 & echo $! > child; echo $$ > itself; wait"]
    PROCESSES.run(command, cwd=Path(sys.argv[2]), environment=os.environ, held_file=file)
"""


def test_a_file_is_locked_as_long_as_the_process_lives_that_holds_it(tmp_path):
    """Not only as long as the command that started it, and not as long as what it has started itself."""
    file = tmp_path / "lock"
    command = subprocess.Popen([sys.executable, "-c", HELD, file, tmp_path], cwd=ROOT)
    while not (tmp_path / "itself").is_file() or not (tmp_path / "itself").read_text():
        time.sleep(0.05)
    command.kill()
    command.wait()
    assert is_locked(file)
    with pytest.raises(TimeoutError), locked(file, print, seconds=0.3):
        pass
    process, child = (int((tmp_path / name).read_text()) for name in ("itself", "child"))
    os.kill(process, signal.SIGKILL)
    while is_locked(file):
        assert "sleep" in Path(f"/proc/{child}/cmdline").read_text(), "The child ended first."
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)


def test_readers_share_a_lock_and_a_writer_waits(tmp_path):
    file = tmp_path / "lock"
    waited = []
    with (
        locked(file, nobody_waits, shared=True),
        locked(file, nobody_waits, shared=True),
        pytest.raises(TimeoutError),
        locked(file, lambda: waited.append(1), seconds=0.3),
    ):
        pass
    assert waited == [1]
    with locked(file, nobody_waits):
        pass


def test_every_checkout_of_a_user_locks_the_same_file_whatever_tmpdir_is(tmp_path):
    code = "from tools.terraform.state_lock import holder_file; print(holder_file('bucket', 'key'))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str(holder_file("bucket", "key"))
    assert holder_file("bucket", "other") != holder_file("bucket", "key")


def test_a_state_of_another_checkouts_local_aws_has_another_file():
    environment = load_environment("local")
    buckets = [
        StateBucket(environment, no_client),
        *(
            StateBucket(environment, no_client, lambda url=url: url)
            for url in ("http://1", "http://2")
        ),
    ]
    files = {holder_file(bucket.unique_name, "key") for bucket in buckets}
    assert len(files) == 3
    # A bucket of S3 has the same file in every checkout.
    assert holder_file(buckets[0].name, "key") in files


def no_client(service):
    raise AssertionError(service)


def test_a_signal_ends_the_wait_for_a_lock(tmp_path):
    """The wait is in a worker thread, as in a command, while the main thread handles the signal."""
    code = """
import sys
from pathlib import Path
from tools.cli.console import run
from tools.terraform.parallel import try_each
from tools.terraform.state import State
from tools.terraform.state_lock import locked

def step(state):
    with locked(Path(sys.argv[1]), lambda: print("waiting", flush=True)):
        return "locked"

def main():
    print(try_each([State("customer", "acme.tfstate", "acme")], step, 1))
    return 1

run(main)
"""
    with locked(tmp_path / "lock", nobody_waits):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "lock")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
