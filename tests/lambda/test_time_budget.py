"""Whatever is slow, a call ends before its invocation does, and its error says what was seen."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from langchain_core.messages import HumanMessage

from tenant_bedrock import OutOfTimeError, ThrottledError, connect, errors, settings
from tenant_bedrock.aws_sessions import Sessions, open_sessions
from tenant_bedrock.handler import handler
from tenant_bedrock.invocation import Invocation
from tools.localaws.bedrock.converse_stream import stream_events
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA = "amazon.nova-lite-v1:0"
SILENT = Fault("bedrock-runtime", delay_seconds=6, drop="before", times=FOREVER)
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "one two three " * 20}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 60, "totalTokens": 61},
    "metrics": {"latencyMs": 1},
}


class Context:
    """Lambda's context of an invocation that began just now."""

    aws_request_id = "11111111-2222-3333-4444-555555555555"

    def __init__(self, seconds: float = 5) -> None:
        self._ends_at = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends_at - time.monotonic()) * 1000)


def an_invocation(seconds: float, reserve: float) -> Invocation:
    """An invocation with ``seconds`` for requests, of which each needs half of ``reserve``."""
    now = time.monotonic()
    return Invocation("an-id", now + seconds + reserve, now + seconds)


@pytest.fixture
def sessions(acme: Any) -> Sessions:
    return open_sessions(settings.parse(os.environ["TENANT_BEDROCK"]))


@pytest.fixture
def records(acme: Any) -> Callable[[int], list[dict[str, Any]]]:
    """Waits until as many calls of the test have a record as it is given, and returns their records.

    The functions end in the middle of a request to CloudWatch here, so a record may arrive after its
    copy, twice, or during the next test. A reader drops the second one by the record's id.
    """
    began_at = datetime.now(UTC).isoformat(timespec="milliseconds")

    def read(count: int) -> list[dict[str, Any]]:
        give_up_at = time.monotonic() + 30
        while True:
            by_id = {
                record["tenantBedrock"]["recordId"]: record
                for record in acme.records()
                if record["timestamp"].replace("Z", "+00:00") >= began_at
            }
            if len(by_id) >= count or time.monotonic() > give_up_at:
                return list(by_id.values())
            time.sleep(0.05)

    return read


@pytest.fixture
def written(
    records: Callable[[int], list[dict[str, Any]]],
) -> Callable[[int], list[tuple[str, int]]]:
    """The error code and the number of attempts of as many records as it is given."""
    return lambda count: [
        (record.get("errorCode", ""), len(record["tenantBedrock"]["attempts"]))
        for record in records(count)
    ]


@pytest.fixture
def served(acme: Any) -> Callable[[], int]:
    """How many calls Bedrock has answered since the test began, rightly or with an error."""

    def count() -> int:
        calls = acme.control.calls(service="bedrock-runtime")
        return len([call for call in calls if call.status in {200, 429}])

    before = count()
    return lambda: count() - before


def test_a_call_that_begins_late_is_given_up_as_early_as_the_first(
    acme: Any, written: Callable[[int], list[tuple[str, int]]]
) -> None:
    connection = acme.connect()
    chat = connection.chat("claude")
    acme.control.fault(Fault("bedrock-runtime", delay_seconds=0.5))
    context = Context()
    with connection.invocation(context):
        chat.invoke("the first is answered")
        acme.control.fault(SILENT)
        with pytest.raises(OutOfTimeError, match="longer timeout"):
            chat.invoke("the second is not")

        assert context.get_remaining_time_in_millis() > 0

    assert written(2) == [("", 1), ("OutOfTimeError", 1)]


def test_a_call_with_too_little_time_is_not_sent(
    acme: Any,
    sessions: Sessions,
    served: Callable[[], int],
    written: Callable[[int], list[tuple[str, int]]],
) -> None:
    connection = connect(sessions=sessions)
    with sessions.budget.during(an_invocation(seconds=60, reserve=60)):
        connection.chat("claude").invoke("this one has time")
    chat = connection.chat("nova")
    with sessions.budget.during(an_invocation(seconds=60, reserve=180)):
        with pytest.raises(OutOfTimeError, match="was not sent"):
            chat.invoke("this one has not")
        with pytest.raises(OutOfTimeError, match="was not sent"):
            list(chat.stream("nor has this one"))
        with pytest.raises(OutOfTimeError):
            chat.client.converse(modelId=NOVA, messages=[])

    assert served() == 1
    assert written(3) == [("", 1), *[("OutOfTimeError", 0)] * 2]


def test_outside_of_an_invocation_a_call_has_as_long_as_it_takes(acme: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", delay_seconds=2.5))

    assert acme.connect().chat("claude").invoke("hello").text


def test_a_short_invocation_has_half_of_its_time_for_calls(acme: Any) -> None:
    connection = acme.connect()
    with connection.invocation(Context(2)):
        assert connection.chat("claude").invoke("hello").text


def test_the_longest_invocation_of_lambda_is_served(acme: Any) -> None:
    connection = acme.connect()
    with connection.invocation(Context(1800)):
        assert connection.chat("claude").invoke("hello").text


def test_a_throttle_shortly_before_the_end_is_raised_and_not_retried(
    sessions: Sessions, acme: Any, served: Callable[[], int]
) -> None:
    chat = connect(sessions=sessions).chat("claude")
    acme.control.fault(Fault("bedrock-runtime", code="ThrottlingException", status=429))
    with (
        sessions.budget.during(an_invocation(seconds=60, reserve=80)),
        pytest.raises(ClientError, match="ThrottlingException"),
    ):
        chat.invoke("hello")

    assert served() == 1
    with sessions.budget.during(an_invocation(seconds=60, reserve=40)):  # enough for a retry
        acme.control.clear_faults()
        acme.control.fault(Fault("bedrock-runtime", code="ThrottlingException", status=429))
        assert chat.invoke("hello").text
    assert served() == 3


def test_a_fallback_without_time_is_not_asked_and_the_throttle_is_reported(
    acme: Any, with_settings: Callable[..., None], served: Callable[[], int]
) -> None:
    region = ["eu-central-1"]
    with_settings(
        models={
            "claude": {"model": HAIKU, "regions": region, "fallbacks": ["nova"]},
            "nova": {"model": NOVA, "regions": region},
        }
    )
    sessions = open_sessions(settings.parse(os.environ["TENANT_BEDROCK"]))
    chat = connect(sessions=sessions).chat_with_fallbacks("claude")
    acme.control.fault(
        Fault("bedrock-runtime", code="ThrottlingException", status=429, delay_seconds=3)
    )

    with (
        sessions.budget.during(an_invocation(seconds=30, reserve=2 * 28)),
        pytest.raises(ClientError) as caught,
    ):
        chat.invoke("hello")

    assert type(errors.from_model_call(caught.value)) is ThrottledError
    assert served() == 1


def test_a_retry_by_langchain_is_refused_when_the_time_is_over(
    acme: Any, written: Callable[[int], list[tuple[str, int]]]
) -> None:
    connection = acme.connect()
    chat = connection.chat("claude").with_retry(stop_after_attempt=3, wait_exponential_jitter=False)
    acme.control.fault(SILENT)
    with connection.invocation(Context()), pytest.raises(OutOfTimeError):
        chat.invoke("hello")

    assert written(3) == [("OutOfTimeError", 1), *[("OutOfTimeError", 0)] * 2]


def test_all_calls_of_a_batch_and_of_tasks_are_given_up_together(
    acme: Any, written: Callable[[int], list[tuple[str, int]]]
) -> None:
    connection = acme.connect()
    chat = connection.chat("claude")
    acme.control.fault(SILENT)
    with connection.invocation(Context()):
        answers = chat.batch(["one", "two", "three"], return_exceptions=True)
    with connection.invocation(Context()):
        answers += asyncio.run(chat.abatch(["four", "five"], return_exceptions=True))

    assert [type(answer) for answer in answers] == [OutOfTimeError] * 5
    assert written(5) == [("OutOfTimeError", 1)] * 5


@pytest.mark.parametrize("seconds", [3, 5])
def test_a_silent_sts_ends_before_the_invocation(acme: Any, seconds: int) -> None:
    acme.control.fault(Fault("sts", delay_seconds=6, drop="before", times=FOREVER))
    context = Context(seconds)

    with pytest.raises(OutOfTimeError):
        handler({"prompt": "hello", "model": "claude"}, context)

    assert context.get_remaining_time_in_millis() > 0


def test_a_stream_that_falls_silent_ends_with_the_part_that_has_arrived(
    acme: Any, records: Callable[[int], list[dict[str, Any]]]
) -> None:
    acme.control.fault(
        Fault("bedrock-runtime", stream={"after_events": 4}, delay_seconds=6, times=FOREVER)
    )
    connection = acme.connect()
    context = Context()
    chunks = []
    with connection.invocation(context):
        with pytest.raises(OutOfTimeError, match="streamed answer"):
            chunks.extend(connection.chat("claude").stream("canary-silent"))
        assert context.get_remaining_time_in_millis() > 0

    (record,) = records(1)
    assert (record["tenantBedrock"]["phase"], record["errorCode"]) == ("error", "OutOfTimeError")
    assert record["output"]["outputBodyJson"]["output"]["message"]["content"][0]["text"]


class SlowBedrock(threading.Thread):
    """A Bedrock that begins to answer at once and then sends one byte after the other, too slowly."""

    def __init__(self, content_type: str, body: bytes, fast: int) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
        )
        self._pieces: Sequence[bytes] = [
            body[:fast],
            *(body[i : i + 1] for i in range(fast, len(body))),
        ]
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        with self._listener, self._listener.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(self._head.encode() + b"\r\n\r\n")
            for piece in self._pieces:
                try:
                    connection.sendall(piece)
                except OSError:  # the client has gone
                    return
                time.sleep(0.02)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def answer(content_type: str, body: bytes, fast: int = 0) -> None:
        bedrock = SlowBedrock(content_type, body, fast)
        bedrock.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", bedrock.url)

    return answer


def test_an_answer_that_trickles_is_given_up(acme: Any, slow: Callable[..., None]) -> None:
    slow("application/json", json.dumps(ANSWER).encode())
    connection = acme.connect()
    chat = connection.chat("claude")
    context = Context()
    with connection.invocation(context):
        with pytest.raises(OutOfTimeError):
            chat.invoke("hello")
        assert context.get_remaining_time_in_millis() > 0


@pytest.mark.parametrize("fast", [0, 300, 700])
def test_a_stream_that_trickles_is_given_up(
    acme: Any,
    slow: Callable[..., None],
    written: Callable[[int], list[tuple[str, int]]],
    fast: int,
) -> None:
    slow("application/vnd.amazon.eventstream", b"".join(stream_events(ANSWER)), fast)
    connection = acme.connect()
    chat = connection.chat("claude")
    context = Context()
    with connection.invocation(context):
        with pytest.raises(OutOfTimeError):
            list(chat.stream("hello"))
        assert context.get_remaining_time_in_millis() > 0

    assert written(1) == [("OutOfTimeError", 1)]


def test_a_stream_in_time_is_whole(acme: Any) -> None:
    connection = acme.connect()
    with connection.invocation(Context()):
        chunks = list(connection.chat("claude").stream("one two three"))

    assert "".join(chunk.text for chunk in chunks).endswith("one two three")


FORMS: dict[str, Callable[[Any], object]] = {
    "invoke": lambda chat: chat.invoke("hello"),
    "ainvoke": lambda chat: asyncio.run(chat.ainvoke("hello")),
    "stream": lambda chat: list(chat.stream("hello")),
    "generate": lambda chat: chat.generate([[HumanMessage("hello")]]),
}


@pytest.mark.parametrize("call", FORMS.values(), ids=FORMS)
def test_the_rate_never_waits_past_the_invocations_end(
    acme: Any,
    with_settings: Callable[..., None],
    served: Callable[[], int],
    call: Callable[[Any], object],
) -> None:
    with_settings(quota={"requests_per_second": 0.1})
    connection = acme.connect()
    chat = connection.chat("claude")
    with connection.invocation(Context(8)):
        chat.invoke("the first never waits")
        with pytest.raises(OutOfTimeError, match=r"0\.1 requests per second"):
            call(chat)

    assert served() == 1


def test_the_rate_waits_where_the_invocation_has_the_time(
    acme: Any, with_settings: Callable[..., None], served: Callable[[], int]
) -> None:
    with_settings(quota={"requests_per_second": 4})
    connection = acme.connect()
    chat = connection.chat("claude")
    with connection.invocation(Context(120)):
        chat.batch(["one", "two", "three"])
        asyncio.run(chat.abatch(["four", "five"]))

    assert served() == 5
