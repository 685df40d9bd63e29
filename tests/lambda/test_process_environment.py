"""Nothing in the process environment can send a prompt elsewhere."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.globals import set_debug

from tenant_bedrock import PromptLeakError, SettingsError, connect, process_environment

ROOT = Path(__file__).resolve().parents[2]

# Fails the import of LangChain if a variable that it or LangSmith reads still exists.
WATCHED_IMPORT = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"langchain_core", "langchain_aws", "langsmith"}:
            left = [n for n in os.environ if n.startswith(("LANG", "AWS_BEARER"))]
            assert left == ["LANG"], (name, left)
            seen.add(name.split(".")[0])

seen = set()
sys.meta_path.insert(0, Watch())
import tenant_bedrock
assert not seen, seen  # not before it is needed
tenant_bedrock.connect
assert seen == {"langchain_core", "langchain_aws", "langsmith"}, seen
"""


def test_the_environment_is_scrubbed_before_langchain_is_imported() -> None:
    dangerous = {
        "AWS_BEARER_TOKEN_BEDROCK": "token",
        "LANGCHAIN_AWS_DEBUG": "true",
        "LANGCHAIN_TRACING_V2": "true",
        "LANGSMITH_API_KEY": "key",
        "LANGSMITH_GATEWAY": "true",
        "LANGSMITH_TRACING": "true",
    }
    run = subprocess.run(
        [sys.executable, "-c", WATCHED_IMPORT],
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": "lambda", **dangerous},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr


def test_connect_scrubs_again(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "token")

    connect()

    assert "LANGSMITH_TRACING" not in os.environ
    assert "AWS_BEARER_TOKEN_BEDROCK" not in os.environ


def test_a_bearer_token_set_later_does_not_replace_the_role(
    acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "token")

    connection.chat("claude").invoke("hello")

    last = acme.control.calls(action="bedrock:InvokeModel")[-1]
    assert last.principal_arn == "arn:aws:sts::111111111111:assumed-role/bedrock-local-acme/acme"


def test_langchains_debug_output_refuses_the_call_before_it_prints(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    chat = connect().chat("claude")
    set_debug(True)
    try:
        with pytest.raises(PromptLeakError, match="Nothing was sent"):
            chat.invoke("canary-debug")
    finally:
        set_debug(False)

    output = capfd.readouterr()
    assert "canary-debug" not in output.out + output.err
    assert chat.invoke("allowed again").text


def test_libraries_do_not_print_prompts_when_everything_logs_at_debug(
    acme: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    chat = connect().chat("claude")
    with caplog.at_level(logging.DEBUG):
        assert list(chat.stream("canary-at-debug"))
        assert chat.invoke("canary-at-debug").text

    output = capfd.readouterr()
    assert "canary-at-debug" not in caplog.text + output.out + output.err


@pytest.mark.filterwarnings("ignore:API key must be provided")
def test_tracing_switched_on_by_code_refuses_the_call(acme: Any) -> None:
    from langsmith import tracing_context  # noqa: PLC0415 - only this test uses it

    chat = connect().chat("claude")
    with tracing_context(enabled=True), pytest.raises(PromptLeakError):
        chat.invoke("canary-tracing")


def test_a_missing_region_is_a_sentence(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")

    with pytest.raises(SettingsError, match="set AWS_REGION"):
        connect()


def test_outside_lambda_every_process_has_a_name_of_its_own() -> None:
    assert process_environment.execution_name() != process_environment.execution_name()


def test_on_lambda_an_execution_environment_is_named_by_its_log_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[$LATEST]abc")

    assert process_environment.execution_name() == "2026/11/23/[$LATEST]abc"
