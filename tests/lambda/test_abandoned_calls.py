"""A call that its caller leaves is recorded: no lock, no network and no wait where it was left."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tenant_bedrock import BadRequestError, NotRecordedError
from tests.tools.localaws.small_functions import wait_until
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGES = [{"role": "user", "content": [{"text": "one two three four"}]}]


@pytest.fixture
def new_records(acme: Any) -> Callable[[], list[dict[str, Any]]]:
    before = len(acme.records())
    return lambda: [
        record for record in acme.records()[before:] if record["tenantBedrock"]["phase"] != "start"
    ]


def _streaming(client: Any, model: str) -> Any:
    return client.converse_stream(modelId=model, messages=MESSAGES)["stream"]


@pytest.fixture
def client(acme: Any) -> Any:
    return acme.connect().chat("claude").client


@pytest.fixture
def model(acme: Any) -> str:
    return str(acme.connect().chat("claude").model_id)


def test_a_raw_stream_left_with_break_is_recorded(
    client: Any, model: str, new_records: Callable[[], list[dict[str, Any]]]
) -> None:
    for event in _streaming(client, model):
        if "contentBlockDelta" in event:
            break

    wait_until(lambda: len(new_records()) == 1)
    (record,) = new_records()
    assert record["tenantBedrock"]["phase"] == "incomplete"
    assert record["output"]["outputBodyJson"]["output"]["message"]["content"][0]["text"]


def test_a_raw_stream_that_nobody_reads_is_recorded(
    client: Any, model: str, new_records: Callable[[], list[dict[str, Any]]]
) -> None:
    client.converse_stream(modelId=model, messages=MESSAGES)

    wait_until(lambda: len(new_records()) == 1)
    assert new_records()[0]["tenantBedrock"]["phase"] == "incomplete"


def test_a_raw_stream_left_at_its_stop_event_is_a_whole_answer(
    client: Any, model: str, new_records: Callable[[], list[dict[str, Any]]]
) -> None:
    for event in _streaming(client, model):
        if "messageStop" in event:
            break

    (record,) = new_records()
    assert record["tenantBedrock"]["phase"] == "end"
    assert record["output"]["outputTokenCount"] > 0


def test_a_stream_in_a_cycle_is_recorded_when_the_collector_finds_it(
    client: Any, model: str, new_records: Callable[[], list[dict[str, Any]]]
) -> None:
    stream = _streaming(client, model)
    next(stream)
    cycle: list[Any] = [stream]
    cycle.append(cycle)
    del stream, cycle
    gc.collect()

    wait_until(lambda: len(new_records()) == 1)
    assert new_records()[0]["tenantBedrock"]["phase"] == "incomplete"


@pytest.mark.parametrize("event", ["before-send", "response-received"])
def test_a_call_left_by_a_caught_keyboard_interrupt_is_recorded(
    client: Any, model: str, new_records: Callable[[], list[dict[str, Any]]], event: str
) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    client.meta.events.register_first(f"{event}.bedrock-runtime.Converse", interrupt)
    with pytest.raises(KeyboardInterrupt):
        client.converse(modelId=model, messages=MESSAGES)

    wait_until(lambda: len(new_records()) == 1)
    assert new_records()[0]["tenantBedrock"]["phase"] == "incomplete"


def test_a_connection_with_an_open_call_is_not_collected(
    acme: Any, new_records: Callable[[], list[dict[str, Any]]]
) -> None:
    connection = acme.connect()
    recorder = weakref.ref(connection._recorder)
    chat = connection.chat("claude")
    stream = _streaming(chat.client, chat.model_id)
    next(stream)
    del connection, chat
    gc.collect()
    assert recorder() is not None

    del stream
    wait_until(lambda: len(new_records()) == 1)
    assert new_records()[0]["tenantBedrock"]["phase"] == "incomplete"
    wait_until(lambda: gc.collect() >= 0 and recorder() is None)


def _cut_before_the_metadata(acme: Any, client: Any, model: str) -> None:
    """Have Bedrock break the next stream after its stop event."""
    count = len(list(_streaming(client, model)))
    acme.control.fault(Fault("bedrock-runtime", stream={"after_events": count - 1}))


def test_a_stream_cut_after_its_stop_event_is_a_whole_answer(
    acme: Any, client: Any, model: str, new_records: Callable[[], list[dict[str, Any]]]
) -> None:
    _cut_before_the_metadata(acme, client, model)

    events = [next(iter(event)) for event in _streaming(client, model)]

    assert events[-1] == "messageStop"
    record = new_records()[-1]
    assert record["tenantBedrock"]["phase"] == "end"
    assert record["output"]["outputBodyJson"]["stopReason"] == "end_turn"
    assert "outputTokenCount" not in record["output"]


def test_a_required_audit_withholds_the_end_of_a_stream_without_metadata(
    acme: Any, with_settings: Any
) -> None:
    """An answer is over at its stop event, whether its usage follows or not."""
    with_settings(audit="required")
    chat = acme.connect().chat("claude")
    _cut_before_the_metadata(acme, chat.client, chat.model_id)
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))

    events: list[dict[str, Any]] = []
    with pytest.raises(NotRecordedError):
        events.extend(_streaming(chat.client, chat.model_id))

    assert any("contentBlockDelta" in event for event in events)
    assert not any("messageStop" in event for event in events)


def test_an_operation_without_a_record_is_refused(acme: Any, client: Any, model: str) -> None:
    before = len(acme.control.calls(service="bedrock-runtime"))
    output = {"s3OutputDataConfig": {"s3Uri": "s3://a/b"}}

    with pytest.raises(BadRequestError, match=r"StartAsyncInvoke is not .* Nothing was sent"):
        client.start_async_invoke(modelId=model, modelInput={}, outputDataConfig=output)

    assert len(acme.control.calls(service="bedrock-runtime")) == before


def test_a_presigned_url_is_refused(client: Any, model: str) -> None:
    with pytest.raises(BadRequestError, match="presigned URL of Converse"):
        client.generate_presigned_url("converse", {"modelId": model, "messages": MESSAGES})


@pytest.mark.parametrize("end", ["error", "close", "left"])
def test_the_collector_does_not_need_urllib3s_lock(
    acme: Any, client: Any, model: str, end: str
) -> None:
    """A stream in a cycle is collected by a thread that holds the lock of the connection pool."""
    if end == "error":
        broken = {"after_events": 2, "exception": "throttlingException"}
        acme.control.fault(Fault("bedrock-runtime", stream=broken))
    stream = _streaming(client, model)
    cycle: list[Any] = [stream]
    cycle.append(cycle)
    next(stream)
    if end == "error":
        with pytest.raises(client.exceptions.ThrottlingException) as caught:
            list(stream)
        cycle.append(caught)
    elif end == "close":
        stream.close()
    (session,) = [vars(client)["_endpoint"].http_session._session]
    (pool,) = session._manager.pools._container.values()
    call = stream._WatchedStream__lease.call
    wait_until(lambda: end == "left" or call.source is None)
    collected = threading.Event()

    def collect() -> None:
        with pool.pool.mutex:
            gc.collect()
        collected.set()

    del stream, cycle
    threading.Thread(target=collect, daemon=True).start()

    assert collected.wait(20)


def test_a_record_that_two_threads_write_has_one_text(acme: Any, client: Any, model: str) -> None:
    """A sweep and the delivery thread may write one record while its stream still grows."""
    recorder = acme.connect()._recorder
    stream = _streaming(client, model)
    next(stream)
    call = stream._WatchedStream__lease.call
    recorder._book.end(call, "incomplete")
    first = recorder._text(call)
    next(stream)

    assert recorder._text(call) == first
    assert recorder._book.write(call, replace(first, text="{}")) == first
