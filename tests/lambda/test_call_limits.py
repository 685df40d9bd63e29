"""The stanza's limits apply to every call: guardrail, cap, withheld streaming, requests per second."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tenant_bedrock import BadRequestError, ModelNotGrantedError
from tenant_bedrock.handler import handler

if TYPE_CHECKING:
    from collections.abc import Callable

HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
GUARDRAIL = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/acme"
SENT = {"guardrailIdentifier": GUARDRAIL, "guardrailVersion": "1"}
GUARDED = {
    "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
    "Resource": f"arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}",
    "Condition": {"StringEquals": {"bedrock:GuardrailIdentifier": f"{GUARDRAIL}:1"}},
}
APPLY = {"Action": "bedrock:ApplyGuardrail", "Resource": GUARDRAIL}


@pytest.fixture
def calls_since(acme: Any) -> Callable[[], int]:
    """The number of model calls since the test began."""
    before = len(acme.control.calls(service="bedrock-runtime"))
    return lambda: len(acme.control.calls(service="bedrock-runtime")) - before


@pytest.fixture
def guarded(
    acme: Any, permit: Callable[..., None], with_settings: Callable[..., None]
) -> Callable[..., None]:
    """The role requires version 1 of the guardrail, and the settings have it."""
    permit(GUARDED, APPLY)
    with_settings(guardrail={"arn": GUARDRAIL, "version": "1"})
    return with_settings


def _sent(acme: Any, message: Any, member: str) -> Any:
    record = acme.record(message.response_metadata["record"]["id"])
    return record["input"]["inputBodyJson"].get(member)


def test_the_tenants_guardrail_is_on_every_call(acme: Any, guarded: object) -> None:
    chat = acme.connect().chat("claude")
    answers = [
        chat.invoke("hello"),
        list(chat.stream("hello"))[-1],
        asyncio.run(chat.ainvoke("hi")),
    ]
    before = len(acme.records())
    chat.client.converse(
        modelId=HAIKU, messages=[{"role": "user", "content": [{"text": "past LangChain"}]}]
    )

    assert [_sent(acme, answer, "guardrailConfig") for answer in answers] == [SENT, SENT, SENT]
    (past,) = acme.records()[before:]
    assert past["input"]["inputBodyJson"]["guardrailConfig"] == SENT
    assert handler({"prompt": "hello", "model": "claude"}, None)["answer"]


@pytest.mark.parametrize("settings", [{}, {"guardrail": {"arn": GUARDRAIL, "version": "2"}}])
def test_a_call_without_the_guardrail_that_the_role_needs_is_not_granted(
    guarded: Callable[..., None], settings: dict[str, Any]
) -> None:
    guarded(**settings)

    with pytest.raises(ModelNotGrantedError, match="AccessDeniedException, request .* record "):
        handler({"prompt": "canary", "model": "claude"}, None)


def test_a_caller_may_name_the_tenants_guardrail_and_no_other(
    acme: Any, guarded: object, calls_since: Callable[[], int]
) -> None:
    connection = acme.connect()
    same = connection.chat("claude", guardrail_config={**SENT, "trace": "enabled"})
    assert _sent(acme, same.invoke("hello"), "guardrailConfig") == {**SENT, "trace": "enabled"}
    assert calls_since() == 1

    for other in ({**SENT, "guardrailVersion": "DRAFT"}, {**SENT, "guardrailIdentifier": "canary"}):
        for chat, parameters in (
            (connection.chat("claude", guardrail_config=other), {}),
            (connection.chat("claude"), {"guardrail_config": other}),
        ):
            with pytest.raises(BadRequestError, match="not the tenant's") as caught:
                chat.invoke("canary", **parameters)
            assert "canary" not in str(caught.value)
    assert calls_since() == 1


def test_the_cap_is_sent_when_the_caller_sets_no_max_tokens(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    with_settings(quota={"max_tokens_per_call": 4})
    connection = acme.connect()

    unset = connection.chat("claude", temperature=0.5).invoke("one two three four five")
    lower = connection.chat("claude", max_tokens=3).invoke("one two three four five")

    assert _sent(acme, unset, "inferenceConfig") == {"maxTokens": 4, "temperature": 0.5}
    assert unset.response_metadata["stopReason"] == "max_tokens"
    assert _sent(acme, lower, "inferenceConfig") == {"maxTokens": 3}


def test_without_a_cap_nothing_is_added(acme: Any) -> None:
    message = acme.connect().chat("claude").invoke("hello")

    assert _sent(acme, message, "inferenceConfig") == {}
    assert _sent(acme, message, "guardrailConfig") is None


def test_the_handler_takes_max_tokens_up_to_the_cap(
    acme: Any, with_settings: Callable[..., None], calls_since: Callable[[], int]
) -> None:
    with_settings(quota={"max_tokens_per_call": 4})
    event = {"prompt": "canary", "model": "claude"}

    assert handler({**event, "max_tokens": 4}, None)["usage"]["output_tokens"] == 4
    with pytest.raises(BadRequestError, match="max_tokens is too high; write 4 or less") as caught:
        handler({**event, "max_tokens": 5}, None)
    assert "canary" not in str(caught.value)
    assert calls_since() == 1


def test_a_chat_model_cannot_go_over_the_cap_either(
    acme: Any, with_settings: Callable[..., None], calls_since: Callable[[], int]
) -> None:
    with_settings(quota={"max_tokens_per_call": 4})
    chat = acme.connect().chat("claude", max_tokens=5)

    for call in (lambda: chat.invoke("hello"), lambda: list(chat.stream("hello"))):
        with pytest.raises(BadRequestError, match="write 4 or less"):
            call()
    assert calls_since() == 0
    assert chat.invoke("hello", max_tokens=4).text


@pytest.fixture
def no_stream_of_claude(with_settings: Callable[..., None]) -> None:
    claude = {"model": HAIKU, "regions": ["eu-central-1"], "streaming": False}
    nova = {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}
    with_settings(models={"claude": claude, "nova": nova})


def test_a_stream_that_is_withheld_is_refused_before_any_call(
    acme: Any, no_stream_of_claude: None, calls_since: Callable[[], int]
) -> None:
    connection = acme.connect()

    async def stream() -> list[Any]:
        return [chunk async for chunk in connection.chat("claude").astream("canary")]

    for call in (
        lambda: list(connection.chat("claude").stream("canary")),
        lambda: asyncio.run(stream()),
    ):
        with pytest.raises(ModelNotGrantedError, match="acme may not stream claude. Use invoke"):
            call()
    assert calls_since() == 0

    assert connection.chat("claude").invoke("hello").text
    assert len(list(connection.chat("nova").stream("hello"))) > 1


def test_a_withheld_stream_can_be_read_as_one_chunk(acme: Any, no_stream_of_claude: None) -> None:
    (whole,) = acme.connect().chat("claude", disable_streaming=True).stream("hello")

    record = acme.record(whole.response_metadata["record"]["id"])
    assert record["operation"] == "Converse"


def test_all_models_of_a_connection_share_its_requests_per_second(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    with_settings(quota={"requests_per_second": 0.001})
    connection = acme.connect()
    claude, nova = connection.chat("claude"), connection.chat("nova")

    assert claude.invoke("the first waits for nobody").text
    assert not nova.rate_limiter.acquire(blocking=False)
    assert acme.connect().chat("nova").invoke("another connection counts for itself").text


def test_without_a_quota_nothing_waits(acme: Any) -> None:
    assert acme.connect().chat("claude").rate_limiter is None


def test_a_refused_call_has_a_record_without_input(acme: Any, guarded: Callable[..., None]) -> None:
    guarded(quota={"max_tokens_per_call": 4})
    before = len(acme.records())

    with pytest.raises(BadRequestError):
        handler({"prompt": "canary", "model": "claude", "max_tokens": 5}, None)

    (record,) = acme.records()[before:]
    assert record["errorCode"] == "BadRequestError"
    assert "canary" not in json.dumps(record)
