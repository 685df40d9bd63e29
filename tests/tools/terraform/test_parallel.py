"""Running one step in every customer account."""

import os
import signal
import threading
import time

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tools.command_error import CommandError
from tools.terraform.parallel import map_in_parallel, run_for_each
from tools.terraform.state import State

STATES = [
    State("customer", f"{name}.tfstate", name) for name in ("acme", "globex", "initech", "umbrella")
]


def test_goes_on_past_a_failure_and_names_who_failed(capsys):
    labels = []

    def step(state):
        labels.append(state.label)
        if state.label in ("acme", "initech"):
            raise CommandError(f"{state.label} was refused")
        return "applied"

    assert run_for_each(STATES, step, jobs=2) == 1
    assert sorted(labels) == ["acme", "globex", "initech", "umbrella"]
    output = capsys.readouterr().err
    assert "Failed: 2 of 4: acme, initech" in output
    assert "acme was refused" in output


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "GetRole"),
        EndpointConnectionError(endpoint_url="https://iam.invalid"),
    ],
    ids=["refused", "no answer"],
)
def test_goes_on_past_an_error_of_aws_and_names_it(capsys, error):
    labels = []

    def step(state):
        labels.append(state.label)
        if state.label == "acme":
            raise error
        return "applied"

    assert run_for_each(STATES, step, jobs=1) == 1
    assert labels == ["acme", "globex", "initech", "umbrella"]
    output = capsys.readouterr()
    assert "✗ acme  failed" in output.out
    assert "Failed: 1 of 4: acme" in output.err


def test_is_content_when_every_account_is(capsys):
    assert run_for_each(STATES, lambda state: "applied", jobs=2) == 0
    assert "Failed" not in capsys.readouterr().err


def test_prints_a_plan_with_its_lines(capsys):
    plan = '\n  # aws_iam_role.execution will be created\n  + resource "x" {\x1b[2K\n    }'

    assert run_for_each(STATES[:1], lambda state: plan, jobs=1) == 0

    assert capsys.readouterr().out.splitlines() == [
        "  ✓ acme  ",
        "  # aws_iam_role.execution will be created",
        '  + resource "x" {\\x1b[2K',
        "    }",
    ]


def test_runs_several_accounts_at_the_same_time():
    together = threading.Barrier(4, timeout=10)

    def step(state):
        together.wait()
        return "applied"

    assert run_for_each(STATES, step, jobs=4) == 0


def test_an_environment_without_customer_accounts_is_done_at_once():
    assert run_for_each([], lambda state: "applied", jobs=4) == 0


def test_an_interrupt_ends_the_command_after_the_steps_that_have_begun():
    begun = []
    is_waiting = threading.Event()

    def items():
        yield from range(100)
        is_waiting.set()

    def interrupt(*_):
        raise KeyboardInterrupt

    def step(number):
        begun.append(number)
        if number == 0:
            assert is_waiting.wait(timeout=60)
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            map_in_parallel(step, items(), jobs=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(begun) < 100
