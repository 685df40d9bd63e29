"""`connect().chat(...)` is an ordinary LangChain chat model, and every call has one record."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from langchain_core.messages import AIMessageChunk, HumanMessage
from pydantic import BaseModel

from tenant_bedrock import BadRequestError, ModelNotGrantedError
from tests.tools.localaws.small_functions import wait_until
from tools.localaws.faults import FOREVER, Fault


class Animal(BaseModel):
    """An animal."""

    name: str
    legs: int


def _whole(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


def test_the_answer_of_invoke_names_its_record(acme: Any) -> None:
    message = acme.connect().chat("claude", max_tokens=4).invoke("one two three")

    note = message.response_metadata["record"]
    assert note["delivery"] == "delivered"
    record = acme.record(note["id"])
    assert record["requestId"] == message.response_metadata["ResponseMetadata"]["RequestId"]
    assert record["input"]["inputBodyJson"]["inferenceConfig"]["maxTokens"] == 4
    assert record["output"]["outputBodyJson"]["output"]["message"]["content"][0]["text"] == (
        message.text
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"endpoint_url": "http://localhost"},
        {"base_url": "http://localhost"},
        {"aws_access_key_id": "AKIA", "aws_secret_access_key": "canary"},
        {"bedrock_api_key": "canary"},
        {"cache": True},
        {"client": object()},
        {"timeout": 5},
        {"region_name": "us-east-1"},
    ],
)
def test_what_the_connection_sets_is_refused_by_name(acme: Any, parameters: dict[str, Any]) -> None:
    names = ", ".join(sorted(parameters))
    with pytest.raises(BadRequestError, match=f"^Leave out {names}: ") as caught:
        acme.connect().chat("claude", **parameters)
    assert "canary" not in str(caught.value)
    with pytest.raises(BadRequestError):
        acme.connect().chat_with_fallbacks("claude", **parameters)


def test_no_call_adds_an_attribute_to_the_chat(acme: Any) -> None:
    """LangChain iterates over the attributes at the first call, also while another thread makes one."""
    chat = acme.connect().chat("claude")
    before = set(vars(chat))
    chat.invoke("one two three")
    list(chat.stream("one two three"))
    chat.with_structured_output(Animal).invoke("a horse")
    assert set(vars(chat)) == before


def test_the_last_chunk_of_a_stream_names_its_record(acme: Any) -> None:
    chunks = list(acme.connect().chat("claude").stream("one two three"))

    assert all("record" not in chunk.response_metadata for chunk in chunks[:-1])
    note = chunks[-1].response_metadata["record"]
    assert note["delivery"] == "delivered"
    record = acme.record(note["id"])
    assert record["operation"] == "ConverseStream"
    assert record["tenantBedrock"]["phase"] == "end"
    assert record["tenantBedrock"]["latencies"]["firstTokenMs"] > 0
    body = record["output"]["outputBodyJson"]
    assert body["output"]["message"]["content"] == [{"text": _whole(chunks).text}]
    assert body["stopReason"] == "end_turn"
    assert record["input"]["inputTokenCount"] == 3
    assert record["output"]["outputTokenCount"] == body["usage"]["outputTokens"] > 0


def test_an_abandoned_stream_is_recorded_as_incomplete(acme: Any) -> None:
    run_id = uuid4()
    connection = acme.connect()
    stream = connection.chat("claude").stream("canary-half-way", {"run_id": run_id})
    next(stream)
    next(stream)
    stream.close()

    wait_until(lambda: connection.receipt(run_id) is not None)
    record = acme.record(connection.receipt(run_id).id)
    assert record["tenantBedrock"]["phase"] == "incomplete"
    assert "canary-half-way" in json.dumps(record["input"])
    assert record["output"]["outputBodyJson"]["output"]["message"]["content"][0]["text"]
    assert "inputTokenCount" not in record["input"]


@pytest.mark.parametrize("exception", ["throttlingException", None])
def test_a_stream_that_breaks_is_recorded_as_an_error(acme: Any, exception: str | None) -> None:
    script: dict[str, Any] = {"after_events": 4}
    acme.control.fault(
        Fault(
            "bedrock-runtime",
            stream={**script, "exception": exception} if exception else script,
        )
    )
    run_id = uuid4()
    connection = acme.connect()
    with pytest.raises((ClientError, HTTPClientError)) as caught:
        list(connection.chat("claude").stream("hello", {"run_id": run_id}))

    record = acme.record(connection.receipt(run_id).id)
    assert record["tenantBedrock"]["phase"] == "error"
    assert record["tenantBedrock"]["error"]["type"] == type(caught.value).__name__
    assert record["requestId"]
    assert record["errorCode"] == ("ThrottlingException" if exception else "ResponseStreamingError")
    assert record["output"]["outputBodyJson"]["output"]["message"]["content"][0]["text"]


def test_each_prompt_of_a_batch_has_a_record(acme: Any) -> None:
    messages = acme.connect().chat("claude").batch(["first", "second", "third"])

    for prompt, message in zip(("first", "second", "third"), messages, strict=True):
        record = acme.record(message.response_metadata["record"]["id"])
        assert record["input"]["inputBodyJson"]["messages"][0]["content"] == [{"text": prompt}]


def test_asynchronous_calls_are_recorded(acme: Any) -> None:
    chat = acme.connect().chat("claude")

    async def both() -> tuple[Any, Any, list[Any]]:
        first, (second,) = await asyncio.gather(chat.ainvoke("one"), chat.abatch(["two"]))
        return first, second, [chunk async for chunk in chat.astream("three")]

    first, second, chunks = asyncio.run(both())

    for prompt, message in (("one", first), ("two", second), ("three", chunks[-1])):
        record = acme.record(message.response_metadata["record"]["id"])
        assert record["input"]["inputBodyJson"]["messages"][0]["content"] == [{"text": prompt}]


def test_generate_records_the_prompt_that_succeeded_before_one_failed(acme: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", skip=1, code="ValidationException"))
    before = len(acme.records())

    with pytest.raises(ClientError):
        acme.connect().chat("claude").generate([[HumanMessage("one")], [HumanMessage("two")]])

    new = acme.records()[before:]
    assert sorted(record["tenantBedrock"]["phase"] for record in new) == ["end", "error"]
    assert len({record["tenantBedrock"]["runId"] for record in new}) == 2


def test_structured_output_is_recorded_with_its_tool(acme: Any) -> None:
    before = len(acme.records())
    chat = acme.connect().chat("claude").with_structured_output(Animal)

    assert isinstance(chat.invoke("a cat"), Animal)

    (record,) = acme.records()[before:]
    assert record["output"]["outputBodyJson"]["stopReason"] == "tool_use"
    assert (
        record["input"]["inputBodyJson"]["toolConfig"]["tools"][0]["toolSpec"]["name"] == "Animal"
    )


def test_cache_reads_and_writes_are_counted_as_bedrock_counted_them(acme: Any) -> None:
    content: list[str | dict[Any, Any]] = [
        {"text": "one two three four"},
        {"cachePoint": {"type": "default"}},
        {"text": "five"},
    ]
    chat = acme.connect().chat("claude")
    first = chat.invoke([HumanMessage(content)])
    second = chat.invoke([HumanMessage(content)])

    written = acme.record(first.response_metadata["record"]["id"])["input"]
    read = acme.record(second.response_metadata["record"]["id"])["input"]
    assert written["inputTokenCount"] == read["inputTokenCount"] == 1
    assert (written["cacheReadInputTokenCount"], written["cacheWriteInputTokenCount"]) == (0, 4)
    assert (read["cacheReadInputTokenCount"], read["cacheWriteInputTokenCount"]) == (4, 0)


def test_a_failed_call_raises_what_langchain_users_know(acme: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))
    run_id = uuid4()
    connection = acme.connect()

    with pytest.raises(ClientError):
        connection.chat("claude").invoke("hello", {"run_id": run_id})

    receipt = connection.receipt(run_id)
    assert receipt.delivery == "delivered"
    assert acme.record(receipt.id)["tenantBedrock"]["phase"] == "error"


def test_an_error_carries_a_note_of_its_record(acme: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))

    with pytest.raises(ClientError) as caught:
        acme.connect().chat("claude").invoke("hello")

    (note,) = caught.value.__notes__
    assert acme.record(note.split()[1])["errorCode"] == "ValidationException"


def test_a_retry_by_langchain_has_its_own_record(acme: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))
    before = len(acme.records())

    acme.connect().chat("claude").with_retry(wait_exponential_jitter=False).invoke("hello")

    phases = [record["tenantBedrock"]["phase"] for record in acme.records()[before:]]
    assert sorted(phases) == ["end", "error"]


def test_a_call_that_fails_before_it_is_sent_is_recorded_without_input(acme: Any) -> None:
    run_id = uuid4()
    connection = acme.connect()
    chat = connection.chat("claude", additional_model_request_fields={"x": object()})

    with pytest.raises(Exception):  # noqa: PT011, B017 - botocore's, passed on by LangChain
        chat.invoke("hello", {"run_id": run_id})

    record = acme.record(connection.receipt(run_id).id)
    assert record["tenantBedrock"]["phase"] == "error"
    assert "input" not in record
    assert "requestId" not in record


def test_a_call_without_langchain_is_recorded_too(acme: Any) -> None:
    before = len(acme.records())
    chat = acme.connect().chat("claude")
    chat.invoke("through LangChain")
    chat.client.converse(
        modelId=chat.model_id, messages=[{"role": "user", "content": [{"text": "past it"}]}]
    )

    record = acme.records()[before:][-1]
    assert record["tenantBedrock"]["alias"] == "claude"
    assert "runId" not in record["tenantBedrock"]


def test_an_alias_that_is_not_granted_is_refused_with_those_that_are(acme: Any) -> None:
    with pytest.raises(ModelNotGrantedError, match="write one of: claude, nova"):
        acme.connect().chat("opus")


def test_many_threads_share_one_assumed_role_and_one_client(acme: Any) -> None:
    before = acme.assume_role_calls()
    connection = acme.connect()

    def call(number: int) -> Any:
        return connection.chat("claude").invoke(f"prompt {number}")

    with ThreadPoolExecutor(16) as threads:
        messages = list(threads.map(call, range(32)))

    assert len({message.response_metadata["record"]["id"] for message in messages}) == 32
    assert acme.assume_role_calls() == before + 1


def test_the_answer_survives_when_cloudwatch_is_down(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))

    message = acme.connect().chat("claude").invoke("hello there")

    note = message.response_metadata["record"]
    assert message.text.endswith("hello there")
    assert note["delivery"] == "spilled"
    line = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (line["level"], line["message"]) == ("ERROR", "record.spilled")
    assert line["reason"] == "ServiceUnavailableException"
    assert line["record"]["tenantBedrock"]["recordId"] == note["id"]
    assert line["record"]["output"]["outputTokenCount"] > 0
