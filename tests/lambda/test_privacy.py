"""Prompts and answers are in the record, as far as the stanza allows, and nowhere else."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from langchain_core.globals import set_verbose
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from tenant_bedrock import TenantBedrockError, handler
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAMBDA = Path(__file__).resolve().parents[2] / "lambda"
CUSTOMER = "222222222222"


@pytest.fixture
def canary() -> str:
    return f"canary{uuid4().hex}"


def _everywhere(chat: Any, canary: str) -> Any:
    """Make a call with the canary in every text that Converse takes from the caller."""

    @tool(description=f"describes {canary}")
    def look(city: str) -> str:
        return city

    turns = [
        SystemMessage(f"system {canary}"),
        HumanMessage([{"type": "text", "text": f"prompt {canary}"}]),
        AIMessage("", tool_calls=[{"name": "look", "args": {canary: canary}, "id": "t1"}]),
        ToolMessage(f"result {canary}", tool_call_id="t1"),
    ]
    bound = chat.bind_tools([look])
    return bound.invoke(turns, stop=[f"stop {canary}"], request_metadata={"who": canary})


@pytest.mark.parametrize("content", ["metadata", "hashed"])
@pytest.mark.parametrize("fault", [None, "ValidationException"])
def test_without_content_no_account_holds_a_word_of_it(
    acme: Any, with_settings: Any, canary: str, content: str, fault: str | None
) -> None:
    with_settings(content=content)
    connection = acme.connect()
    if fault:
        acme.control.fault(Fault("bedrock-runtime", code=fault, message=f"You wrote {canary}"))
        with pytest.raises(Exception, match=canary):
            _everywhere(connection.chat("claude"), canary)
    else:
        _everywhere(connection.chat("claude", max_tokens=9), canary)
        assert list(connection.chat("claude").stream(f"streamed {canary}"))

    assert acme.control.search(canary) == {}
    record = acme.records()[-1]
    assert record["tenantBedrock"]["content"] == content
    assert record["tenantBedrock"]["phase"] == ("error" if fault else "end")


def test_with_content_only_the_customers_account_holds_it(acme: Any, canary: str) -> None:
    _everywhere(acme.connect().chat("claude"), canary)

    places = acme.control.search(canary)
    assert list(places) == [CUSTOMER]
    assert all("/bedrock/local/acme/records" in place for place in places[CUSTOMER])


def test_metadata_keeps_settings_and_counts(acme: Any, with_settings: Any) -> None:
    with_settings(content="metadata")
    chat = acme.connect().chat("claude", max_tokens=9, temperature=0.5)

    message = chat.invoke("one two three", stop=["never"])

    record = acme.record(message.response_metadata["record"]["id"])
    settings = {"inferenceConfig": {"maxTokens": 9, "temperature": 0.5}}
    assert record["input"]["inputBodyJson"] == settings
    assert record["input"]["inputTokenCount"] == 3
    body = record["output"]["outputBodyJson"]
    assert sorted(body) == ["metrics", "stopReason", "usage"]
    assert record["output"]["outputTokenCount"] == 9


def test_metadata_leaves_the_digest_out_of_the_start_mark(
    acme: Any, with_settings: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with_settings(content="metadata")
    acme.connect().chat("claude").invoke("yes")

    (mark,) = [json.loads(line)["record"] for line in capfd.readouterr().out.splitlines()]
    assert list(mark["tenantBedrock"]["request"]) == ["bytes"]


def test_who_has_a_text_can_find_its_hash(acme: Any, with_settings: Any) -> None:
    with_settings(content="hashed")

    message = acme.connect().chat("claude").invoke([SystemMessage("be brief"), HumanMessage("é!")])

    record = acme.record(message.response_metadata["record"]["id"])
    body = record["input"]["inputBodyJson"]

    def hashed(text: str) -> dict[str, Any]:
        data = text.encode()
        return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}

    assert body["messages"] == [{"role": "user", "content": [hashed("é!")]}]
    assert body["system"] == [hashed("be brief")]
    answered = record["output"]["outputBodyJson"]["output"]["message"]
    assert answered == {"role": "assistant", "content": [hashed(message.text)]}


# --- other ways for a prompt to leave the process ---


class Listener:
    """A port on loopback to which prompts might be sent; keeps what it receives."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            with caller:
                self.heard.append(caller.recv(65_536))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


EVERY_FORM = """
import asyncio, logging, os, sys, warnings

logging.basicConfig(level=logging.DEBUG)
warnings.simplefilter("always")
from tenant_bedrock import connect
from tenant_bedrock.handler import handler

prompt = sys.stdin.read()
chat = connect().chat("claude")
chat.invoke(prompt)
chat.batch([prompt, prompt])
list(chat.stream(prompt))
next(chat.stream(prompt))
asyncio.run(chat.ainvoke(prompt))
(chat | (lambda message: message.text)).invoke(prompt)
handler({"prompt": prompt, "model": "claude"}, None)
"""


def test_no_switch_of_the_environment_carries_a_prompt_out(
    acme: Any, canary: str, listener: Listener
) -> None:
    switches = {
        "AWS_BEARER_TOKEN_BEDROCK": "token",
        "LANGCHAIN_AWS_DEBUG": "true",
        "LANGCHAIN_ENDPOINT": listener.url,
        "LANGCHAIN_TRACING_V2": "true",
        "LANGSMITH_API_KEY": "key",
        "LANGSMITH_ENDPOINT": listener.url,
        "LANGSMITH_GATEWAY": "true",
        "LANGSMITH_GATEWAY_URL": listener.url,
        "LANGSMITH_OTEL_ENABLED": "true",
        "LANGSMITH_TRACING": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": listener.url,
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONDEVMODE": "1",
    }
    run = subprocess.run(
        [sys.executable, "-c", EVERY_FORM],
        cwd=LAMBDA,
        env={**os.environ, **switches},
        input=f"hello {canary}",
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr.replace(canary, "CANARY")[-3000:]
    assert "record.start" in run.stdout
    leaks = [line for line in (run.stdout + run.stderr).splitlines() if canary in line]
    assert [line[:300] for line in leaks] == []
    assert listener.heard == []
    assert list(acme.control.search(canary)) == [CUSTOMER]


def _fail_with(code: str, canary: str) -> Fault:
    return Fault("bedrock-runtime", code=code, message=f"You wrote {canary}", times=FOREVER)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda acme, canary: acme.control.fault(_fail_with("ValidationException", canary)),
        lambda acme, canary: acme.control.fault(_fail_with("ThrottlingException", canary)),
        lambda acme, canary: acme.control.fault(_fail_with("AccessDeniedException", canary)),
        lambda acme, canary: acme.control.fault(
            Fault("sts", code="AccessDenied", message=f"Not you, {canary}", times=FOREVER)
        ),
        lambda acme, canary: acme.control.fault(
            Fault("bedrock-runtime", drop="before", times=FOREVER)
        ),
    ],
    ids=["invalid", "throttled", "denied", "role refused", "connection lost"],
)
def test_no_error_of_the_handler_quotes_in_its_message_or_its_chain(
    acme: Any,
    canary: str,
    break_it: Callable[[Any, str], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    break_it(acme, canary)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(TenantBedrockError) as caught:
            handler.handler({"prompt": f"hello {canary}", "model": "claude"}, None)

    # What Lambda's runtime writes to the function's log and returns to the caller.
    error = caught.value
    report = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert canary not in report
    assert canary not in "".join(str(warning.message) for warning in warned)
    output = capfd.readouterr()
    assert canary not in output.out + output.err


def test_langchains_verbose_output_shows_no_prompt(
    acme: Any, canary: str, capfd: pytest.CaptureFixture[str]
) -> None:
    set_verbose(True)
    try:
        acme.connect().chat("claude").invoke(f"hello {canary}")
        acme.connect().chat_with_fallbacks("claude").invoke(f"hello {canary}")
    finally:
        set_verbose(False)

    output = capfd.readouterr()
    assert canary not in output.out + output.err


def test_a_spilled_record_without_content_holds_none_either(
    acme: Any, with_settings: Any, canary: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with_settings(content="hashed")
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))

    message = acme.connect().chat("claude").invoke(f"hello {canary}")

    assert message.response_metadata["record"]["delivery"] == "spilled"
    output = capfd.readouterr()
    assert "record.spilled" in output.out
    assert canary not in output.out + output.err
