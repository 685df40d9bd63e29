"""InvokeModelWithResponseStream with the chunks of Claude and Nova."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EventStreamError
from urllib3.exceptions import ProtocolError

from tests.tools.localaws.aws import DEFAULT_PROJECT, OPERATIONS, document, log_invocations, refusal
from tests.tools.localaws.test_bedrock_invoke_model import BODIES, CLAUDE, NOVA
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

METRICS = "amazon-bedrock-invocationMetrics"


@pytest.fixture
def bedrock(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("bedrock-runtime", local_aws.control.account(OPERATIONS))


def chunks_of(bedrock: Any, model: str) -> list[dict[str, Any]]:
    response = bedrock.invoke_model_with_response_stream(
        modelId=model, body=json.dumps(BODIES[model])
    )
    assert response["contentType"] == "application/json"
    return [json.loads(event["chunk"]["bytes"]) for event in response["body"]]


def answer_of(bedrock: Any, model: str) -> dict[str, Any]:
    response = bedrock.invoke_model(modelId=model, body=json.dumps(BODIES[model]))
    answer: dict[str, Any] = json.load(response["body"])
    return answer


def test_streams_claudes_answer_in_its_own_events(bedrock: Any) -> None:
    answer = answer_of(bedrock, CLAUDE)
    start, block, *deltas, stop, end, last = chunks_of(bedrock, CLAUDE)
    assert (start["type"], start["message"]["content"]) == ("message_start", [])
    assert start["message"]["usage"]["input_tokens"] == 3
    assert block["type"] == "content_block_start"
    assert {delta["type"] for delta in deltas} == {"content_block_delta"}
    texts = [delta["delta"]["text"] for delta in deltas]
    assert len(texts) > 1
    assert "".join(texts) == answer["content"][0]["text"]
    assert stop["type"] == "content_block_stop"
    assert end["delta"]["stop_reason"] == answer["stop_reason"]
    assert end["usage"]["output_tokens"] == answer["usage"]["output_tokens"]
    assert last["type"] == "message_stop"


def test_streams_novas_answer_in_its_own_events(bedrock: Any) -> None:
    answer = answer_of(bedrock, NOVA)
    start, *deltas, stop, end, last = chunks_of(bedrock, NOVA)
    assert start == {"messageStart": {"role": "assistant"}}
    texts = [delta["contentBlockDelta"]["delta"]["text"] for delta in deltas]
    assert "".join(texts) == answer["output"]["message"]["content"][0]["text"]
    assert stop == {"contentBlockStop": {"contentBlockIndex": 0}}
    assert end == {"messageStop": {"stopReason": "end_turn"}}
    assert last["metadata"]["usage"] == answer["usage"]


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_the_last_chunk_alone_has_bedrocks_metrics(bedrock: Any, model: str) -> None:
    *chunks, last = chunks_of(bedrock, model)
    assert not any(METRICS in chunk for chunk in chunks)
    metrics = last[METRICS]
    assert metrics["inputTokenCount"] == 3
    assert metrics["outputTokenCount"] > 3
    assert 1 <= metrics["firstByteLatency"] <= metrics["invocationLatency"]


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (CLAUDE, b"no JSON"),
        (CLAUDE, b"{}"),
        ("meta.llama3-8b-instruct-v1:0", b'{"prompt": "hello"}'),
    ],
)
def test_refuses_a_body_that_the_model_does_not_read(bedrock: Any, model: str, body: bytes) -> None:
    call = bedrock.invoke_model_with_response_stream
    assert call(modelId=CLAUDE, body=json.dumps(BODIES[CLAUDE]))["body"]
    assert refusal(call, modelId=model, body=body)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("action", "allowed"),
    [("bedrock:InvokeModelWithResponseStream", True), ("bedrock:InvokeModel", False)],
)
def test_needs_the_permission_to_stream(
    local_aws: LocalAws, connect: Connect, action: str, *, allowed: bool
) -> None:
    arn = f"arn:aws:bedrock:eu-central-1::foundation-model/{NOVA}"
    grants = document(DEFAULT_PROJECT, {"Action": action, "Resource": arn})
    client = connect("bedrock-runtime", local_aws.control.account(OPERATIONS, "tenant", [grants]))
    if allowed:
        assert chunks_of(client, NOVA)
    else:
        call = client.invoke_model_with_response_stream
        code, message = refusal(call, modelId=NOVA, body=json.dumps(BODIES[NOVA]))
        assert code == "AccessDeniedException"
        assert "bedrock:InvokeModelWithResponseStream" in message


def test_breaks_with_a_scripted_exception_after_its_events(
    local_aws: LocalAws, bedrock: Any
) -> None:
    broken = {"after_events": 2, "exception": "modelStreamErrorException"}
    local_aws.control.fault(Fault(service="bedrock-runtime", stream=broken, message="It fell."))
    stream = iter(
        bedrock.invoke_model_with_response_stream(modelId=NOVA, body=json.dumps(BODIES[NOVA]))[
            "body"
        ]
    )
    assert all("chunk" in next(stream) for _ in range(2))
    with pytest.raises(EventStreamError, match="It fell"):
        next(stream)
    assert METRICS in chunks_of(bedrock, NOVA)[-1]


def test_breaks_the_connection_where_a_fault_says_so(local_aws: LocalAws, bedrock: Any) -> None:
    local_aws.control.fault(Fault(service="bedrock-runtime", stream={"after_events": 2}))
    with pytest.raises(ProtocolError):
        chunks_of(bedrock, CLAUDE)


def test_is_counted_and_logged_with_its_chunks_unless_it_breaks(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys = local_aws.control.account(OPERATIONS)
    logged = log_invocations(connect, keys)
    client = connect("bedrock-runtime", keys)
    local_aws.control.fault(Fault(service="bedrock-runtime", stream={"after_events": 1}))
    with pytest.raises(ProtocolError):
        chunks_of(client, NOVA)
    assert logged() == []
    chunks = chunks_of(client, NOVA)
    [record] = logged()
    assert record["operation"] == "InvokeModelWithResponseStream"
    assert record["input"]["inputBodyJson"] == BODIES[NOVA]
    assert record["output"]["outputBodyJson"] == chunks
    assert record["output"]["outputTokenCount"] == chunks[-1][METRICS]["outputTokenCount"]
    metrics = connect("cloudwatch", keys).list_metrics(Namespace="AWS/Bedrock")["Metrics"]
    names = {metric["MetricName"] for metric in metrics}
    assert {"InvocationServerErrors", "Invocations", "OutputTokenCount"} <= names


def test_streams_claudes_events_and_bedrocks_counts(bedrock: Any) -> None:
    events = chunks_of(bedrock, CLAUDE)
    assert [events[0]["type"], *(event["type"] for event in events[-2:])] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    text = "".join(
        event["delta"]["text"] for event in events if "index" in event and "delta" in event
    )
    assert "one two three" in text
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert (metrics["inputTokenCount"], metrics["outputTokenCount"]) == (
        3,
        events[-2]["usage"]["output_tokens"],
    )


def test_streams_novas_events_and_bedrocks_counts(bedrock: Any) -> None:
    events = chunks_of(bedrock, NOVA)
    deltas = [event["contentBlockDelta"]["delta"]["text"] for event in events[1:-3]]
    assert "one two three" in "".join(deltas)
    assert events[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] == 3


def test_breaks_a_native_stream_with_an_exception(local_aws: LocalAws, bedrock: Any) -> None:
    broken = {"after_events": 2, "exception": "throttlingException"}
    local_aws.control.fault(Fault(service="bedrock-runtime", stream=broken))
    with pytest.raises(EventStreamError, match="throttlingException"):
        chunks_of(bedrock, CLAUDE)
    assert chunks_of(bedrock, CLAUDE)


def test_a_stream_needs_the_permission_that_converse_stream_needs(
    local_aws: LocalAws, connect: Connect
) -> None:
    arn = f"arn:aws:bedrock:eu-central-1::foundation-model/{NOVA}"
    model = {"Action": "bedrock:InvokeModel", "Resource": arn}
    keys = local_aws.control.account(OPERATIONS, "tenant", [document(DEFAULT_PROJECT, model)])
    client = connect("bedrock-runtime", keys)
    body = json.dumps(BODIES[NOVA])
    code, _ = refusal(client.invoke_model_with_response_stream, modelId=NOVA, body=body)
    assert code == "AccessDeniedException"
    stream = {**model, "Action": "bedrock:InvokeModelWithResponseStream"}
    keys = local_aws.control.account(OPERATIONS, "streaming", [document(DEFAULT_PROJECT, stream)])
    assert chunks_of(connect("bedrock-runtime", keys), NOVA)
