"""Locks of states, and which process of this machine holds one."""

import getpass
import signal
import socket
import subprocess
import sys

import pytest

from tools.environment.model import load_environment
from tools.paths import ROOT
from tools.terraform.state_bucket import StateBucket
from tools.terraform.state_lock import StateLock, holder_file, is_locked, locked

WRITTEN = {
    "ID": "8a1b2f5e-1c4e-0d9d-6a77-0c1de8c1f0aa",
    "Operation": "OperationTypeApply",
    "Info": "",
    "Who": "deployer@build-7",
    "Version": "1.11.4",
    "Created": "2026-11-26T17:01:02.123456789Z",
    "Path": "bucket/operations.tfstate",
}


def test_says_who_has_locked_the_state_since_when():
    lock = StateLock.from_json("operations.tfstate", WRITTEN)
    assert str(lock) == "deployer@build-7 since 2026-11-26 17:01:02 UTC (apply)"
    assert not lock.is_of_this_machine


def test_recognizes_a_lock_of_this_user_on_this_machine():
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    assert StateLock.from_json("operations.tfstate", {**WRITTEN, "Who": who}).is_of_this_machine


@pytest.mark.parametrize("content", [{}, {"Created": "yesterday"}])
def test_reads_a_lock_that_is_not_complete(content):
    assert StateLock.from_json("operations.tfstate", content).age_seconds() > 1e9


def nobody_waits():
    raise AssertionError("nobody else holds the lock")


def test_a_file_is_locked_as_long_as_a_process_that_inherited_it_lives(tmp_path):
    file = tmp_path / "lock"
    assert not is_locked(file)
    with locked(file, nobody_waits) as descriptor:
        assert is_locked(file)
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    assert is_locked(file)
    child.communicate()
    assert not is_locked(file)


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


def test_every_checkout_of_a_user_locks_the_same_file(tmp_path):
    code = "from tools.terraform.state_lock import holder_file; print(holder_file('bucket', 'key'))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
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
