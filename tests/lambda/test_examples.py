"""The examples of lambda/README.md run as they are shown there."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tools.localaws.faults import Fault

LAMBDA = Path(__file__).resolve().parents[2] / "lambda"
EXAMPLES = LAMBDA / "examples"


def _run(name: str, *arguments: str, **variables: str) -> str:
    example = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env={**os.environ, "PYTHONPATH": str(LAMBDA), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert example.returncode == 0, example.stderr
    return example.stdout


def test_the_readme_shows_every_example_as_it_is() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (LAMBDA / "README.md").read_text(), re.DOTALL)

    assert sorted(blocks) == sorted(path.read_text() for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize(
    ("name", "text", "records"),
    [
        ("one_call.py", "You wrote: What is a confused deputy?", 1),
        ("streamed_answer.py", "You wrote: What is a confused deputy?", 1),
        ("many_at_once.py", "You wrote: What is KMS?", 2),
        ("fallbacks.py", "claude ", 1),
    ],
)
def test_a_script_prints_its_answers_and_each_is_recorded(
    acme: Any, name: str, text: str, records: int
) -> None:
    before = len(acme.records())

    assert text in _run(name)

    phases = [record["tenantBedrock"]["phase"] for record in acme.records()[before:]]
    assert phases == ["end"] * records


def test_the_records_of_your_own_handler_name_its_invocation(acme: Any) -> None:
    class Context:
        aws_request_id = "an-invocation"
        ends_at = time.monotonic() + 30

        def get_remaining_time_in_millis(self) -> int:
            return int((self.ends_at - time.monotonic()) * 1000)

    handler = runpy.run_path(str(EXAMPLES / "own_handler.py"))["handler"]

    assert handler({"question": "hello there"}, Context()).endswith("hello there")
    assert acme.records()[-1]["tenantBedrock"]["invocationId"] == "an-invocation"


def test_the_record_of_a_failed_call_is_found(acme: Any) -> None:
    ask = runpy.run_path(str(EXAMPLES / "failed_call.py"))["ask"]
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))

    receipt = ask("hello")

    assert acme.record(receipt.id)["errorCode"] == "ValidationException"
    assert ask("hello again").endswith("hello again")


def test_the_function_is_invoked(acme: Any, function: Any) -> None:
    keys = acme.customer.get_credentials()
    caller = {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_DEFAULT_REGION": os.environ["AWS_REGION"],
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_SESSION_TOKEN": keys.token or "",
    }

    answer = _run("invoke_function.py", function.name, "hello there", **caller)

    assert answer.endswith("You wrote: hello there\n")
