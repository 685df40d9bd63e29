"""The stanza's fallbacks are tried when Bedrock throttles or fails, each with its own record."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from langchain_core.globals import set_debug
from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel

from tenant_bedrock import BadRequestError, ModelNotGrantedError, PromptLeakError, errors
from tenant_bedrock.handler import handler
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA = "amazon.nova-lite-v1:0"
MODELS = {
    "claude": {"model": HAIKU, "regions": ["eu-central-1", "eu-west-1"], "fallbacks": ["nova"]},
    "nova": {"model": NOVA, "regions": ["eu-central-1"]},
}
ASKED = {"prompt": "canary-fallback", "model": "claude"}


class Animal(BaseModel):
    """An animal."""

    name: str


@pytest.fixture(autouse=True)
def claude_falls_back_to_nova(acme: Any, with_settings: Callable[..., None]) -> None:
    with_settings(models=MODELS)


def _fails(acme: Any, code: str, status: int = 400, times: int = 2) -> None:
    """Fail the next attempts; botocore makes two for the errors that it considers transient."""
    acme.control.fault(Fault("bedrock-runtime", code=code, status=status, times=times))


def test_the_answer_names_the_alias_that_answered(acme: Any) -> None:
    assert handler(ASKED, None)["model"] == "claude"
    _fails(acme, "ThrottlingException")

    answer = handler(ASKED, None)

    assert answer["model"] == "nova"
    assert NOVA in answer["answer"]
    assert answer["usage"]["output_tokens"] > 0


def test_each_attempt_has_a_record_with_its_own_alias(acme: Any) -> None:
    _fails(acme, "ThrottlingException")
    before = len(acme.records())

    answer = handler(ASKED, None)

    failed, answered = acme.records()[before:]
    assert [
        (r["tenantBedrock"]["phase"], r["tenantBedrock"]["alias"], r["modelId"])
        for r in (failed, answered)
    ] == [("error", "claude", HAIKU), ("end", "nova", NOVA)]
    assert answered["tenantBedrock"]["recordId"] == answer["record"]["id"]
    assert len(failed["tenantBedrock"]["attempts"]) == 2
    assert (
        failed["input"]["inputBodyJson"]["messages"]
        == (answered["input"]["inputBodyJson"]["messages"])
    )


@pytest.mark.parametrize(
    ("code", "status", "times"),
    [
        ("InternalServerException", 500, 2),
        ("ModelErrorException", 424, 1),
        ("ModelNotReadyException", 429, 2),
        ("ModelTimeoutException", 408, 1),
        ("ServiceUnavailableException", 503, 2),
        ("ThrottlingException", 429, 2),
    ],
)
def test_an_error_that_another_model_may_not_have_falls_back(
    acme: Any, code: str, status: int, times: int
) -> None:
    _fails(acme, code, status, times)

    assert handler(ASKED, None)["model"] == "nova"


def test_a_failure_with_a_code_that_bedrocks_model_does_not_list_falls_back(acme: Any) -> None:
    _fails(acme, "InternalFailure", 500)
    assert handler(ASKED, None)["model"] == "nova"
    _fails(acme, "BadGateway", 502)
    assert handler(ASKED, None)["model"] == "nova"
    _fails(acme, "TooManyRequestsException", 429)
    assert handler(ASKED, None)["model"] == "nova"

    _fails(acme, "IamATeapot", 418, times=1)
    with pytest.raises(errors.ModelFailedError, match="IamATeapot"):
        handler(ASKED, None)


STREAM_FAILURES: dict[str, dict[str, Any]] = {
    "throttled": {"exception": "throttlingException"},
    "failed": {"exception": "internalServerException"},
    "failed by the model": {"exception": "modelStreamErrorException"},
    "unavailable": {"exception": "serviceUnavailableException"},
    "cut": {},
}


def _stream(chat: Any) -> Any:
    return list(chat.stream("hello"))[-1]


async def _astream(chat: Any) -> Any:
    return [chunk async for chunk in chat.astream("hello")][-1]


STREAMED: dict[str, Callable[[Any], Any]] = {
    "stream": _stream,
    "astream": lambda chat: asyncio.run(_astream(chat)),
    "invoke": lambda chat: chat.invoke("hello"),
    "ainvoke": lambda chat: asyncio.run(chat.ainvoke("hello")),
    "batch": lambda chat: chat.batch(["hello"])[0],
}


# The first event only says that an answer begins.
@pytest.mark.parametrize("after_events", [0, 1])
@pytest.mark.parametrize("failure", STREAM_FAILURES.values(), ids=STREAM_FAILURES)
@pytest.mark.parametrize("call", STREAMED.values(), ids=STREAMED)
def test_a_failure_inside_a_stream_before_its_first_chunk_falls_back(
    acme: Any, call: Callable[[Any], Any], failure: dict[str, Any], after_events: int
) -> None:
    chat = acme.connect().chat_with_fallbacks("claude", streaming=True)
    before = len(acme.records())
    acme.control.fault(Fault("bedrock-runtime", stream={"after_events": after_events, **failure}))

    message = call(chat)

    assert message.response_metadata["record"]["alias"] == "nova"
    assert [
        (record["operation"], record["tenantBedrock"]["alias"], record["tenantBedrock"]["phase"])
        for record in acme.records()[before:]
    ] == [("ConverseStream", "claude", "error"), ("ConverseStream", "nova", "end")]


@pytest.mark.parametrize("call", STREAMED.values(), ids=STREAMED)
def test_an_invalid_request_inside_a_stream_does_not_fall_back(
    acme: Any, call: Callable[[Any], Any]
) -> None:
    chat = acme.connect().chat_with_fallbacks("claude", streaming=True)
    before = len(acme.records())
    acme.control.fault(
        Fault("bedrock-runtime", stream={"after_events": 0, "exception": "validationException"})
    )

    with pytest.raises(ClientError, match="ValidationException"):
        call(chat)

    assert [r["tenantBedrock"]["alias"] for r in acme.records()[before:]] == ["claude"]


@pytest.mark.parametrize("failure", STREAM_FAILURES.values(), ids=STREAM_FAILURES)
def test_an_answer_that_breaks_off_in_the_middle_falls_back_only_when_nobody_has_seen_it(
    acme: Any, failure: dict[str, Any]
) -> None:
    chat = acme.connect().chat_with_fallbacks("claude", streaming=True)
    broken = Fault("bedrock-runtime", stream={"after_events": 4, **failure})

    acme.control.fault(broken)
    assert chat.invoke("hello").response_metadata["record"]["alias"] == "nova"

    acme.control.fault(broken)
    with pytest.raises((ClientError, HTTPClientError)):
        list(chat.stream("hello"))


def test_a_lost_connection_falls_back(acme: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", drop="before", times=2))

    assert handler(ASKED, None)["model"] == "nova"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 403),
        ("ResourceNotFoundException", 404),
        ("ValidationException", 400),
    ],
)
def test_an_error_that_another_model_would_have_too_does_not_fall_back(
    acme: Any, code: str, status: int
) -> None:
    _fails(acme, code, status, times=1)
    before = len(acme.records())

    with pytest.raises(errors.TenantBedrockError, match=code):
        handler(ASKED, None)

    assert [r["tenantBedrock"]["alias"] for r in acme.records()[before:]] == ["claude"]


def test_what_the_stanza_refuses_does_not_fall_back(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    with_settings(models=MODELS, quota={"max_tokens_per_call": 4})
    before = len(acme.records())

    with pytest.raises(BadRequestError):
        handler({**ASKED, "max_tokens": 5}, None)

    assert [r["tenantBedrock"]["alias"] for r in acme.records()[before:]] == ["claude"]


def test_when_all_models_fail_the_first_error_is_raised_with_its_record(acme: Any) -> None:
    _fails(acme, "ThrottlingException")
    _fails(acme, "InternalServerException")
    before = len(acme.records())

    with pytest.raises(errors.ThrottledError) as caught:
        handler(ASKED, None)

    first, second = acme.records()[before:]
    assert (first["errorCode"], second["errorCode"]) == (
        "ThrottlingException",
        "InternalServerException",
    )
    assert f"record {first['tenantBedrock']['recordId']} delivered" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_the_error_of_a_denied_fallback_names_its_own_record(
    acme: Any, permit: Callable[..., None]
) -> None:
    permit(
        {
            "Action": "bedrock:InvokeModel",
            "Resource": f"arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}",
        }
    )
    _fails(acme, "ThrottlingException")
    before = len(acme.records())

    with pytest.raises(ModelNotGrantedError) as caught:
        handler(ASKED, None)

    _, refused = acme.records()[before:]
    assert refused["tenantBedrock"]["alias"] == "nova"
    assert refused["tenantBedrock"]["recordId"] in str(caught.value)


def test_a_fallback_outside_the_region_asked_for_is_left_out(acme: Any) -> None:
    make = acme.connect().chat_with_fallbacks

    for both in (make("claude"), make("claude", region="eu-central-1")):
        assert [model.model_id for model in both.runnables] == [HAIKU, NOVA]
    alone = make("claude", region="eu-west-1")
    assert isinstance(alone, BaseChatModel)
    assert alone.model_id == HAIKU


def test_plain_chat_is_one_model_and_never_another(acme: Any) -> None:
    _fails(acme, "ThrottlingException")
    chat = acme.connect().chat("claude")

    assert isinstance(chat, BaseChatModel)
    with pytest.raises(ClientError, match="ThrottlingException"):
        chat.invoke("hello")


def test_tools_and_structured_output_reach_the_fallback(acme: Any) -> None:
    chat = acme.connect().chat_with_fallbacks("claude")

    _fails(acme, "ThrottlingException")
    bound = chat.bind_tools([Animal]).invoke("use the tool Animal")
    _fails(acme, "ThrottlingException")
    structured = chat.with_structured_output(Animal).invoke("a cat")

    assert bound.response_metadata["record"]["alias"] == "nova"
    assert bound.tool_calls[0]["name"] == "Animal"
    assert isinstance(structured, Animal)


def test_streams_batches_and_asynchronous_calls_fall_back(acme: Any) -> None:
    chat = acme.connect().chat_with_fallbacks("claude")

    _fails(acme, "ThrottlingException")
    last = list(chat.stream("hello"))[-1]
    _fails(acme, "ThrottlingException")
    alone = asyncio.run(chat.ainvoke("hello"))
    _fails(acme, "ThrottlingException")
    (batched,) = chat.batch(["hello"])

    for message in (last, alone, batched):
        record = acme.record(message.response_metadata["record"]["id"])
        assert record["tenantBedrock"]["alias"] == "nova"


def test_the_stanzas_limits_apply_to_both_models(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    with_settings(models=MODELS, quota={"max_tokens_per_call": 4, "requests_per_second": 1000})
    _fails(acme, "ThrottlingException")
    before = len(acme.records())

    handler(ASKED, None)

    sent = [r["input"]["inputBodyJson"]["inferenceConfig"] for r in acme.records()[before:]]
    assert sent == [{"maxTokens": 4}, {"maxTokens": 4}]


def test_langchains_debug_output_does_not_see_the_handlers_prompt(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    set_debug(True)
    try:
        with pytest.raises(PromptLeakError):
            handler(ASKED, None)
    finally:
        set_debug(False)

    output = capfd.readouterr()
    assert "canary" not in output.out + output.err
    assert handler(ASKED, None)["answer"]


def test_a_failed_attempt_leaves_no_prompt_in_the_functions_log(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    _fails(acme, "ThrottlingException")
    handler(ASKED, None)

    output = capfd.readouterr()
    assert "canary" not in output.out + output.err
    marks = [json.loads(line) for line in output.out.splitlines()]
    assert [mark["record"]["tenantBedrock"]["alias"] for mark in marks] == ["claude", "nova"]
