"""Each way to call a model with LangChain leaves one start mark and one record per paid call."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import sys
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from tenant_bedrock import runs
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
SCHEMA = {"title": "Animal", "type": "object", "properties": {"legs": {"type": "integer"}}}


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def _generate(chat: Any) -> Any:
    return chat.generate([[HumanMessage("one")], [HumanMessage("two")]])


def _agenerate(chat: Any) -> Any:
    return asyncio.run(chat.agenerate([[HumanMessage(f"number {n}")] for n in range(4)]))


async def _events(chat: Any) -> list[Any]:
    return [event async for event in chat.astream_events("hello", version="v2")]


async def _astream(chat: Any) -> list[Any]:
    return [chunk async for chunk in chat.astream("hello")]


def _tool_turns(chat: Any) -> Any:
    bound = chat.bind_tools([weather])
    turns: list[Any] = [HumanMessage("use the tool weather")]
    call = bound.invoke(turns)
    result = ToolMessage("sunny", tool_call_id=call.tool_calls[0]["id"])
    return bound.invoke([*turns, call, result])


def _image(chat: Any) -> Any:
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    return chat.invoke([HumanMessage([{"type": "image", "source": source}, "what is it?"])])


FORMS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "invoke": (lambda chat: chat.invoke("hello"), 1),
    "batch": (lambda chat: chat.batch(["one", "two", "three"]), 3),
    "batch_as_completed": (lambda chat: list(chat.batch_as_completed(["one", "two"])), 2),
    "stream": (lambda chat: list(chat.stream("hello")), 1),
    "ainvoke": (lambda chat: asyncio.run(chat.ainvoke("hello")), 1),
    "abatch": (lambda chat: asyncio.run(chat.abatch(["one", "two"])), 2),
    "astream": (lambda chat: asyncio.run(_astream(chat)), 1),
    "astream_events": (lambda chat: asyncio.run(_events(chat)), 1),
    "generate": (_generate, 2),
    "agenerate": (_agenerate, 4),
    "tools": (_tool_turns, 2),
    "structured output": (lambda chat: chat.with_structured_output(SCHEMA).invoke("a cat"), 1),
    "a system prompt": (
        lambda chat: chat.invoke([SystemMessage("be brief"), HumanMessage("hi")]),
        1,
    ),
    "an image": (_image, 1),
    "a chain": (lambda chat: (chat | (lambda message: message.text)).invoke("hello"), 1),
    "a stopped answer": (lambda chat: chat.invoke("hello", stop=["not"]), 1),
}


@pytest.fixture
def new_entries(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> Callable[[], tuple[list[Any], list[Any]]]:
    """The start marks on stdout and the records that the test has written so far."""
    before = len(acme.records())

    def read() -> tuple[list[Any], list[Any]]:
        lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        marks = [line["record"] for line in lines if line["message"] == "record.start"]
        return marks, acme.records()[before:]

    return read


@pytest.fixture
def paid(acme: Any) -> Callable[[], int]:
    """How many calls Bedrock has answered since the test began."""

    def answered() -> int:
        return len(acme.control.calls(service="bedrock-runtime", status=200))

    before = answered()
    return lambda: answered() - before


@pytest.mark.parametrize(("call", "times"), FORMS.values(), ids=FORMS)
def test_each_paid_call_has_one_mark_and_one_record(
    acme: Any, new_entries: Any, paid: Callable[[], int], call: Callable[[Any], Any], times: int
) -> None:
    call(acme.connect().chat("claude"))

    marks, records = new_entries()
    assert paid() == len(records) == times
    marked = {mark["tenantBedrock"]["recordId"] for mark in marks}
    assert marked == {record["tenantBedrock"]["recordId"] for record in records}
    assert len(marked) == len(marks) == times
    assert {record["tenantBedrock"]["phase"] for record in records} == {"end"}
    assert len({record["tenantBedrock"]["runId"] for record in records}) == times
    assert len({record["requestId"] for record in records}) == times


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Switches between threads a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("streaming", [False, True])
def test_each_of_many_prompts_at_once_gets_the_receipt_of_its_own_record(
    acme: Any, impatient_threads: None, streaming: bool
) -> None:
    chat = acme.connect().chat("claude", streaming=streaming)
    prompts = [[HumanMessage(f"number {number}")] for number in range(20)]

    result = asyncio.run(chat.agenerate(prompts))

    records = {record["tenantBedrock"]["recordId"]: record for record in acme.records()}
    for (prompt,), (generation,), run in zip(prompts, result.generations, result.run, strict=True):
        record = records[generation.message.response_metadata["record"]["id"]]
        sent = record["input"]["inputBodyJson"]["messages"][0]["content"]
        assert sent == [{"text": prompt.content}]
        assert record["tenantBedrock"]["runId"] == str(run.run_id)


MANY: dict[str, Callable[[Any, list[str]], list[Any]]] = {
    "generate": lambda chat, prompts: [
        generations[0].message
        for generations in chat.generate([[HumanMessage(p)] for p in prompts]).generations
    ],
    "abatch": lambda chat, prompts: asyncio.run(chat.abatch(prompts)),
}


@pytest.mark.parametrize("call", MANY.values(), ids=MANY)
def test_each_of_more_prompts_than_receipts_are_kept_gets_its_receipt(
    acme: Any, monkeypatch: pytest.MonkeyPatch, call: Callable[[Any, list[str]], list[Any]]
) -> None:
    monkeypatch.setattr(runs, "RECENT_RECEIPTS", 3)

    messages = call(acme.connect().chat("claude"), [f"number {number}" for number in range(12)])

    ids = [message.response_metadata["record"]["id"] for message in messages]
    records = {record["tenantBedrock"]["recordId"]: record for record in acme.records()}
    for number, record_id in enumerate(ids):
        (turn,) = records[record_id]["input"]["inputBodyJson"]["messages"]
        assert turn["content"] == [{"text": f"number {number}"}]


def test_runs_that_ended_or_were_abandoned_are_forgotten(
    acme: Any, with_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[weakref.ref[Any]] = []
    begin = runs.Runs.begin

    def begin_and_note(self: Any, alias: str, run_id: Any, parent_run_id: Any) -> None:
        known.append(weakref.ref(run_id))
        begin(self, alias, run_id, parent_run_id)

    monkeypatch.setattr(runs.Runs, "begin", begin_and_note)
    with_settings(quota={"requests_per_second": 0.001})
    chat = acme.connect().chat("claude")
    chat.invoke("the first waits for nobody")

    async def cancel() -> None:
        tasks = [asyncio.create_task(chat.ainvoke("hello")) for _ in range(5)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(cancel())
    gc.collect()

    alive = [run_id for run_id in known if run_id() is not None]
    assert len(known) == 6
    assert len(alive) <= 1  # the last one that this thread has entered


def test_reasoning_is_recorded_with_its_tokens(acme: Any) -> None:
    chat = acme.connect().chat(
        "claude",
        additional_model_request_fields=THINKING,
        additional_model_response_field_paths=["/usage"],
    )
    for message in (chat.invoke("one two"), list(chat.stream("one two"))[-1]):
        record = acme.record(message.response_metadata["record"]["id"])
        assert record["input"]["inputBodyJson"]["additionalModelRequestFields"] == THINKING
        reasoning, text = record["output"]["outputBodyJson"]["output"]["message"]["content"]
        thought = reasoning["reasoningContent"]["reasoningText"]
        assert thought["text"] == "The user wrote: one two"
        assert text["text"].endswith("one two")
        assert record["tenantBedrock"]["reasoningTokenCount"] == 5
        assert record["output"]["outputTokenCount"] == 5 + 15


def test_a_guardrails_trace_is_recorded(acme: Any, with_settings: Any, permit: Any) -> None:
    arn = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/acme"
    permit(
        {"Action": "bedrock:InvokeModel*", "Resource": "arn:aws:bedrock:*::foundation-model/*"},
        {"Action": "bedrock:ApplyGuardrail", "Resource": arn},
    )
    guardrail = {"guardrailIdentifier": arn, "guardrailVersion": "1", "trace": "enabled"}
    with_settings(guardrail={"arn": arn, "version": "1"})

    message = acme.connect().chat("claude", guardrail_config=guardrail).invoke("hello")

    body = acme.record(message.response_metadata["record"]["id"])["output"]["outputBodyJson"]
    assert arn in body["trace"]["guardrail"]["inputAssessment"]


def test_an_hours_cache_write_is_counted_as_bedrock_counted_it(acme: Any) -> None:
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    content: list[Any] = [{"text": "six seven eight"}, point, {"text": "nine"}]

    message = acme.connect().chat("claude").invoke([HumanMessage(content)])

    record = acme.record(message.response_metadata["record"]["id"])
    assert record["input"]["cacheWriteInputTokenCount"] == 3
    usage = record["output"]["outputBodyJson"]["usage"]
    assert usage["cacheDetails"] == [{"inputTokens": 3, "ttl": "1h"}]


def test_an_image_is_recorded_as_it_was_sent(acme: Any) -> None:
    message = _image(acme.connect().chat("claude"))

    record = acme.record(message.response_metadata["record"]["id"])
    (image, _) = record["input"]["inputBodyJson"]["messages"][0]["content"]
    assert base64.b64decode(image["image"]["source"]["bytes"]) == PNG


def test_the_recorded_request_is_the_one_that_was_sent(acme: Any) -> None:
    chat = acme.connect().chat("claude", temperature=0.25, max_tokens=7, top_p=0.5)
    message = chat.invoke("hello", stop=["never"])

    record = acme.record(message.response_metadata["record"]["id"])
    assert record["input"]["inputBodyJson"]["inferenceConfig"] == {
        "maxTokens": 7,
        "stopSequences": ["never"],
        "temperature": 0.25,
        "topP": 0.5,
    }


def test_every_attempt_by_botocore_is_in_one_record(acme: Any, new_entries: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", code="InternalServerException", status=500))

    acme.connect().chat("claude").invoke("hello")

    (mark,), (record,) = new_entries()
    failed, answered = record["tenantBedrock"]["attempts"]
    assert (failed["status"], failed["errorCode"]) == (500, "InternalServerException")
    assert (answered["status"], answered["requestId"]) == (200, record["requestId"])
    assert failed["requestId"] != answered["requestId"]
    assert failed["ms"] + answered["ms"] <= record["tenantBedrock"]["latencies"]["totalMs"] + 0.2
    assert mark["tenantBedrock"]["recordId"] == record["tenantBedrock"]["recordId"]


def test_the_attempts_of_langchains_retry_share_a_parent(acme: Any, new_entries: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))

    acme.connect().chat("claude").with_retry(wait_exponential_jitter=False).invoke("hello")

    marks, records = new_entries()
    assert [record["tenantBedrock"]["phase"] for record in records] == ["error", "end"]
    assert len({record["tenantBedrock"]["parentRunId"] for record in records}) == 1
    assert len(marks) == 2


def test_each_model_of_a_fallback_has_a_record_and_they_share_a_parent(
    acme: Any, new_entries: Any
) -> None:
    connection = acme.connect()
    acme.control.fault(Fault("bedrock-runtime", code="ThrottlingException", status=429, times=2))

    first, second = connection.chat("claude"), connection.chat("nova")
    first.with_fallbacks([second]).invoke("hello")

    _, records = new_entries()
    ours = [record["tenantBedrock"] for record in records]
    assert [(item["alias"], item["phase"]) for item in ours] == [
        ("claude", "error"),
        ("nova", "end"),
    ]
    assert len({item["parentRunId"] for item in ours}) == 1


def test_a_cached_answer_is_no_call(acme: Any, paid: Callable[[], int], new_entries: Any) -> None:
    set_llm_cache(InMemoryCache())
    try:
        chat = acme.connect().chat("claude")
        first, second = chat.invoke("hello"), chat.invoke("hello")
    finally:
        set_llm_cache(None)

    _, records = new_entries()
    assert paid() == len(records) == 2
    assert len({m.response_metadata["record"]["id"] for m in (first, second)}) == 2


def test_a_cancelled_task_still_has_its_record(acme: Any, new_entries: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", delay_seconds=0.3))
    chat = acme.connect().chat("claude")

    async def cancel() -> None:
        task = asyncio.create_task(chat.ainvoke("hello"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())  # returns when the thread that waits for Bedrock has ended

    marks, (record,) = new_entries()
    assert len(marks) == 1
    assert record["tenantBedrock"]["phase"] == "end"
    assert record["output"]["outputTokenCount"] > 0


def test_a_run_cancelled_before_it_was_sent_leaves_nothing(
    acme: Any, with_settings: Any, new_entries: Any
) -> None:
    with_settings(quota={"requests_per_second": 0.001})
    chat = acme.connect().chat("claude")
    chat.invoke("the first waits for nobody")

    async def cancel() -> None:
        task = asyncio.create_task(chat.ainvoke("hello"))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())

    marks, records = new_entries()
    assert len(marks) == len(records) == 1


def test_a_stream_kept_open_is_recorded_when_the_invocation_ends(
    acme: Any, new_entries: Any
) -> None:
    connection = acme.connect()
    with connection.invocation(None):
        stream = connection.chat("claude").stream("hello")
        next(stream)
        next(stream)

    _, (record,) = new_entries()
    assert record["tenantBedrock"]["phase"] == "incomplete"
    assert record["output"]["outputBodyJson"]["output"]["message"]["content"][0]["text"]

    list(stream)  # an answer that arrives later is recorded too
    _, records = new_entries()
    assert [record["tenantBedrock"]["phase"] for record in records] == ["incomplete", "end"]
    assert len({record["tenantBedrock"]["recordId"] for record in records}) == 1


def test_the_start_mark_reaches_the_record_group_while_bedrock_works(acme: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", delay_seconds=0.5))
    message = acme.connect().chat("claude").invoke("canary-mark")

    ids = [mark["tenantBedrock"]["recordId"] for mark in acme.marks()]
    assert message.response_metadata["record"]["id"] in ids
    assert "canary-mark" not in json.dumps(acme.marks())


def test_a_record_names_its_invocation(acme: Any) -> None:
    class Context:
        aws_request_id = str(uuid4())

        def get_remaining_time_in_millis(self) -> int:
            return 30_000

    connection = acme.connect()
    with connection.invocation(Context()):
        inside = connection.chat("claude").invoke("hello")
    outside = connection.chat("claude").invoke("hello")

    records = [acme.record(m.response_metadata["record"]["id"]) for m in (inside, outside)]
    assert [r["tenantBedrock"].get("invocationId") for r in records] == [
        Context.aws_request_id,
        None,
    ]


def test_a_calls_times_begin_when_its_request_leaves(acme: Any, with_settings: Any) -> None:
    """One request in two seconds: the second of two calls waits before it is sent."""
    with_settings(quota={"requests_per_second": 0.5})
    chat = acme.connect().chat("claude")
    chat.invoke("first")
    before = datetime.now(UTC)

    chat.invoke("second")

    record = acme.records()[-1]
    latencies = record["tenantBedrock"]["latencies"]
    (attempt,) = record["tenantBedrock"]["attempts"]
    begun = datetime.fromisoformat(record["timestamp"])
    assert (begun - before).total_seconds() * 1000 >= latencies["waitingMs"] - 50 > 100
    # The sum of both is no more than what has passed, so neither contains the other.
    passed = (datetime.now(UTC) - before).total_seconds() * 1000
    assert latencies["waitingMs"] + latencies["totalMs"] <= passed
    assert attempt["ms"] <= latencies["totalMs"]
