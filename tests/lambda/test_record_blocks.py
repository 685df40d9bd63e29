"""Everything that botocore's model of Converse knows goes into a record and back.

The requests and answers are generated from the service model, so they include what AWS adds to it.
"""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from moto.core.eventstream import EventStreamEncoder
from urllib3 import HTTPResponse

from tools.records.record_text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import Shape

MODEL = botocore.session.get_session().get_service_model("bedrock-runtime")
HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
BYTES = b"\x00\xff\x89PNG"
DOCUMENT = {"a": [1, 0.5, "two\nthree", None, True], "b": {}}
TEXT = 'a "text"\nwith\ttabs, \\ and ␊ é'
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}


def _samples(shape: Shape) -> list[Any]:
    """Values that together have every member of a shape; of a union, one for each member."""
    if shape.type_name == "list":
        return [[sample] for sample in _samples(shape.member)]
    if shape.type_name == "map":
        return [{"key": sample} for sample in _samples(shape.value)]
    if shape.type_name != "structure":
        return [_scalar(shape)]
    if getattr(shape, "is_document_type", False):
        return [DOCUMENT]
    members = {name: _samples(member) for name, member in shape.members.items()}
    if shape.is_tagged_union:
        return [{name: sample} for name, samples in members.items() for sample in samples]
    count = max((len(samples) for samples in members.values()), default=1)
    return [
        {name: samples[number % len(samples)] for name, samples in members.items()}
        for number in range(count)
    ]


def _scalar(shape: Shape) -> Any:
    if shape.type_name == "string":
        short = (shape.metadata.get("max") or 99) < len(TEXT) or "pattern" in shape.metadata
        return (getattr(shape, "enum", None) or ["words" if short else TEXT])[0]
    values = {"blob": BYTES, "boolean": True, "integer": 7, "long": 7, "float": 0.5, "double": 0.5}
    return values[shape.type_name]


def _blocks(union: str) -> list[Any]:
    return _samples(MODEL.shape_for(union))


def _as_recorded(value: Any) -> Any:
    """The value as JSON: AWS sends bytes as base64."""
    return json.loads(json.dumps(value, default=lambda data: base64.b64encode(data).decode()))


def _conversation(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Messages that end with a user's turn and hold the block where Bedrock accepts it."""
    question = {"role": "user", "content": [{"text": "a question"}]}
    use = {"toolUse": {"toolUseId": "t1", "name": "look", "input": {}}}
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": "a result"}]}}
    if "toolUse" in block:
        used = {"toolUse": {**block["toolUse"], "toolUseId": "t1"}}
        return [
            question,
            {"role": "assistant", "content": [used]},
            {"role": "user", "content": [result]},
        ]
    if "toolResult" in block:
        result = {"toolResult": {**block["toolResult"], "toolUseId": "t1"}}
        return [
            question,
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [result]},
        ]
    return [{"role": "user", "content": [{"text": "a question"}, block]}]


@pytest.fixture
def client(acme: Any) -> Any:
    return acme.connect().chat("claude").client


def _call(client: Any, operation: str, **request: Any) -> None:
    """Call Converse or ConverseStream and read the answer to its end."""
    response = getattr(client, operation)(modelId=HAIKU, **request)
    if operation == "converse_stream":
        list(response["stream"])


def _requests() -> Iterator[dict[str, Any]]:
    for block in _blocks("ContentBlock"):
        tools = {"toolConfig": TOOLS} if block.keys() & {"toolUse", "toolResult"} else {}
        yield {"messages": _conversation(block), **tools}
    hello = {"messages": _conversation({"text": "hello"})}
    for block in _blocks("SystemContentBlock"):
        yield {**hello, "system": [block]}
    for tool in _blocks("Tool"):
        yield {**hello, "toolConfig": {"tools": [tool]}}


@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_every_block_and_tool_of_a_request_is_recorded_as_it_was_sent(
    acme: Any, client: Any, operation: str
) -> None:
    for request in _requests():
        _call(client, operation, **request)

        assert acme.records()[-1]["input"]["inputBodyJson"] == _as_recorded(request)


# --- answers: the test writes them to the wire, because the stand-in answers with texts and tools ---


def _respond(client: Any, operation: str, body: bytes, content_type: str) -> None:
    def respond(request: Any, **_: Any) -> AWSResponse:
        raw = HTTPResponse(io.BytesIO(body), preload_content=False)
        headers = {"Content-Type": content_type, "x-amzn-RequestId": "a-request"}
        return AWSResponse(request.url, 200, headers, raw)

    client.meta.events.register(f"before-send.bedrock-runtime.{operation}", respond)


def _answer(*blocks: Any) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
        "metrics": {"latencyMs": 4},
    }


def test_every_content_block_of_an_answer_is_recorded(acme: Any, client: Any) -> None:
    answer = _as_recorded(_answer(*_blocks("ContentBlock")))
    _respond(client, "Converse", json.dumps(answer).encode(), "application/json")

    _call(client, "converse", messages=_conversation({"text": "hello"}))

    assert acme.records()[-1]["output"]["outputBodyJson"] == answer


def test_members_that_botocore_does_not_know_are_recorded(acme: Any, client: Any) -> None:
    answer = {**_answer({"hologram": {"format": "h1"}}), "carbon": {"grams": 1}}
    _respond(client, "Converse", json.dumps(answer).encode(), "application/json")

    _call(client, "converse", messages=_conversation({"text": "hello"}))

    assert acme.records()[-1]["output"]["outputBodyJson"] == answer


def _event(name: str, **members: Any) -> bytes:
    headers = {
        ":event-type": name,
        ":message-type": "event",
        ":content-type": "application/json",
    }
    message: bytes = EventStreamEncoder().encode_message(
        headers, json.dumps(_as_recorded(members)).encode()
    )
    return message


def test_every_delta_of_a_stream_is_recorded(acme: Any, client: Any) -> None:
    """The values are compared, because a block has other names for its members than its deltas."""
    deltas = _blocks("ContentBlockDelta")
    stream = b"".join(
        [
            _event("messageStart", role="assistant"),
            *(
                _event("contentBlockDelta", contentBlockIndex=index, delta=delta)
                for index, delta in enumerate(deltas)
            ),
            _event("messageStop", stopReason="end_turn"),
        ]
    )
    _respond(client, "ConverseStream", stream, "application/vnd.amazon.eventstream")

    _call(client, "converse_stream", messages=_conversation({"text": "hello"}))

    record = acme.records()[-1]
    assert record["tenantBedrock"]["phase"] == "end"
    blocks = record["output"]["outputBodyJson"]["output"]["message"]["content"]
    for delta, block in zip(deltas, blocks, strict=True):
        assert set(_leaves(_as_recorded(delta))) <= set(_leaves(block))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for member in value.values():
            yield from _leaves(member)
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member)
    else:
        yield value


@pytest.mark.parametrize("depth", [500, 1_000, 5_000, 20_000])
def test_an_answer_of_any_depth_is_recorded_though_botocore_cannot_parse_it(
    acme: Any, client: Any, depth: int
) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    use = {"toolUse": {"toolUseId": "t1", "name": "look", "input": "DEEP"}}
    answer = json.dumps(_answer(use)).replace('"DEEP"', deep)
    _respond(client, "Converse", answer.encode(), "application/json")

    try:
        _call(client, "converse", messages=_conversation({"text": "hello"}))
    except RecursionError:
        phase = "error"
    else:
        phase = "end"

    record = acme.records()[-1]
    assert record["tenantBedrock"]["phase"] == phase
    (attempt,) = record["tenantBedrock"]["attempts"]
    assert (attempt["status"], attempt.get("errorCode")) == (
        200,
        "RecursionError" if phase == "error" else None,
    )
    assert record["output"]["outputTokenCount"] == 2
    text = json.dumps(record["output"]["outputBodyJson"])
    assert text.replace("\\", "").count('"a"') == depth


def test_a_deep_tool_input_of_a_stream_is_recorded(acme: Any, client: Any) -> None:
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    start = {"toolUse": {"toolUseId": "t1", "name": "look"}}
    stream = b"".join(
        [
            _event("messageStart", role="assistant"),
            _event("contentBlockStart", contentBlockIndex=0, start=start),
            _event("contentBlockDelta", contentBlockIndex=0, delta={"toolUse": {"input": deep}}),
            _event("contentBlockStop", contentBlockIndex=0),
            _event("messageStop", stopReason="tool_use"),
        ]
    )
    _respond(client, "ConverseStream", stream, "application/vnd.amazon.eventstream")

    _call(client, "converse_stream", messages=_conversation({"text": "hello"}))

    message = decode(acme.messages("/bedrock/local/acme/records")[-1])
    assert message.replace("\\", "").count('"a"') == 5_000
