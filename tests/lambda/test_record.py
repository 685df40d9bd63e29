"""A call has a record whatever its request and its answer hold, and the record is valid."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tenant_bedrock import record
from tenant_bedrock.json_text import MAX_DEPTH
from tenant_bedrock.model_call import Attempt, ModelCall
from tenant_bedrock.settings import Settings
from tenant_bedrock.streamed_answer import StreamedAnswer
from tools.bench.local_tenant import SETTINGS
from tools.records.record_text import decode
from tools.release import release_version

SCHEMA = Draft202012Validator(
    json.loads(
        importlib.resources.files("tenant_bedrock").joinpath("record.schema.json").read_text()
    )
)
CONTENTS = ["full", "hashed", "metadata"]
USAGE = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}


def _call(answer: Any = None, body: Any = None, **members: Any) -> ModelCall:
    request = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    attempt = Attempt("a-request", 200, None, 12.5)
    return ModelCall(
        alias="claude",
        operation="Converse",
        model_id="a-model",
        region="eu-central-1",
        body=json.dumps(request if body is None else body).encode(),
        attempts=[attempt],
        answer=answer,
        **members,
    )


def _written(call: ModelCall, content: str = "full") -> dict[str, Any]:
    settings = Settings.model_validate({**SETTINGS, "content": content})
    written = record.write(call, "end", settings, "arn:aws:sts::1:assumed-role/a/b")
    read: dict[str, Any] = json.loads(decode(written.text))
    SCHEMA.validate(read)
    assert written.record_id == read["tenantBedrock"]["recordId"] == call.record_id
    assert written.timestamp == read["timestamp"]
    assert written.phase == read["tenantBedrock"]["phase"]
    assert read["tenantBedrock"]["version"] == release_version()
    return read


def _answer(*content: Any, **members: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": list(content)}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": USAGE, **members}


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def _bottom(value: Any, levels: int = 0) -> tuple[int, Any]:
    """The number of levels of a value made by _nested, and what is at its bottom."""
    while isinstance(value, dict):
        levels, value = levels + 1, value["a"]
    return levels, value


# --- other types than the expected ones ---


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize(
    "usage", ["text", ["list"], 5, None, True, {"output_tokens_details": "text"}]
)
def test_the_models_own_usage_may_be_of_any_type(usage: Any, content: str) -> None:
    fields = {"additionalModelResponseFields": {"usage": usage}}

    read = _written(_call(_answer({"text": "hi"}, **fields)), content)

    assert read["output"]["outputTokenCount"] == 4
    assert "reasoningTokenCount" not in read["tenantBedrock"]
    if content == "full":
        assert read["output"]["outputBodyJson"]["additionalModelResponseFields"] == {"usage": usage}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize(
    "members",
    [
        {"output": {"SDK_UNKNOWN_MEMBER": {"name": "audioStream"}}},
        {"output": {"message": None}},
        {"output": {"message": {"role": "assistant", "content": None}}},
        {"output": {"message": {"role": ["x"], "content": "text"}}},
        {"output": "text"},
        {"usage": "text"},
        {"usage": [1]},
        {"usage": {"inputTokens": "3", "outputTokens": -1, "totalTokens": True}},
        {"metrics": "text"},
        {"metrics": {"latencyMs": float("nan")}},
        {"additionalModelResponseFields": "text"},
        {1: "a name that is a number", None: "none"},
    ],
    ids=repr,
)
def test_members_of_the_answer_may_be_of_any_type(members: Any, content: str) -> None:
    read = _written(_call({**_answer({"text": "hi"}), **members}), content)

    assert "buildErrors" not in read["tenantBedrock"]
    assert read["output"]["outputBodyJson"]["stopReason"] == "end_turn"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
# JSON of which some members have the names that the record looks for.
NAMES = st.sampled_from(
    [
        "output",
        "message",
        "content",
        "role",
        "text",
        "usage",
        "metrics",
        "latencyMs",
        "messages",
        "additionalModelResponseFields",
        "output_tokens_details",
        "thinking_tokens",
        "system",
        "inputTokens",
        "outputTokens",
        "inferenceConfig",
        "stopSequences",
        "ResponseMetadata",
    ]
)
CONVERSE = st.recursive(JSON, lambda inner: st.dictionaries(NAMES, inner, max_size=5))


@given(st.one_of(CONVERSE, JSON), st.one_of(CONVERSE, JSON), st.sampled_from(CONTENTS))
def test_any_json_as_request_and_answer_has_a_valid_record(
    answer: Any, body: Any, content: str
) -> None:
    call = _call(answer)
    call.body = json.dumps(body).encode()

    read = _written(call, content)

    errors = read["tenantBedrock"].get("buildErrors", {})
    assert ("input" in errors) == (not isinstance(body, dict))
    if "input" in errors:
        assert read["tenantBedrock"]["request"]["bytes"] == len(call.body)


# Numbers that Python refuses, cannot hold or would change, as a model or a service could write them.
NUMBERS = st.one_of(
    st.sampled_from(["1" * 5_000, "9" * 400, "-" + "1" * 310, "1e999", "-1e999", "-0", "NaN"]),
    st.integers().map(str),
    st.builds("{}e{}".format, st.integers(), st.integers(-999, 999)),
)


def _streamed(tool_input: str, latency: str) -> StreamedAnswer:
    answer = StreamedAnswer()
    answer.add({"contentBlockDelta": {"delta": {"toolUse": {"input": tool_input}}}})
    answer.add({"messageStop": {"stopReason": "tool_use"}})
    # botocore reads the events with Python's JSON parser, which refuses larger integers.
    metrics = {"latencyMs": json.loads(latency)} if len(latency) <= 4_000 else {}
    answer.add({"metadata": {"usage": USAGE, "metrics": metrics}})
    return answer


@pytest.mark.parametrize("content", CONTENTS)
def test_a_large_count_of_a_stream_costs_no_other_count(content: str) -> None:
    answer = StreamedAnswer()
    usage = {"inputTokens": 10**400, "outputTokens": 4}
    details = {"usage": {"output_tokens_details": {"thinking_tokens": 10**400}}}
    answer.add({"messageStop": {"additionalModelResponseFields": details}})
    answer.add({"metadata": {"usage": usage, "metrics": {"latencyMs": 10**400}}})

    read = _written(_call(stream=answer), content)

    assert "buildErrors" not in read["tenantBedrock"]
    assert "bedrockMs" not in read["tenantBedrock"]["latencies"]
    assert read["output"]["outputTokenCount"] == 4


@given(NUMBERS, NUMBERS, st.sampled_from(CONTENTS), st.booleans())
def test_no_number_costs_a_record_its_bodies_or_its_counts(
    number: str, latency: str, content: str, is_streamed: bool
) -> None:
    tool_input = f'{{"n":{number},"list":[{{"n":{number}}}]}}'
    body = (
        f'{{"output":{{"message":{{"role":"assistant","content":[{{"toolUse":{{"input":{tool_input}'
        f'}}}}]}}}},"usage":{json.dumps(USAGE)},"metrics":{{"latencyMs":{latency}}}}}'
    )
    call = _call(stream=_streamed(tool_input, latency) if is_streamed else None)
    call.answer_body = b"" if is_streamed else body.encode()
    call.body = f'{{"messages":[],"additionalModelRequestFields":{{"n":{number}}}}}'.encode()

    read = _written(call, content)

    assert "buildErrors" not in read["tenantBedrock"]
    assert read["input"]["inputTokenCount"] == 3
    assert read["output"]["outputTokenCount"] == 4
    assert "inputBodyJson" in read["input"]
    assert read["output"]["outputBodyJson"]["usage"] == USAGE
    if content == "full":
        (block,) = read["output"]["outputBodyJson"]["output"]["message"]["content"]
        written = block["toolUse"]["input"]["n"]
        if isinstance(written, str):
            assert written == number
        else:
            assert float(written) == float(number)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("count", ["1" * 5_000, "1e999", "9" * 400, "-0"])
def test_a_count_that_is_none_costs_no_other_count(count: str, content: str) -> None:
    body = f'{{"usage":{{"inputTokens":{count},"outputTokens":4}}}}'

    read = _written(_call(None, answer_body=body.encode()), content)

    assert "buildErrors" not in read["tenantBedrock"]
    assert "inputTokenCount" not in read.get("input", {})
    assert read["output"]["outputTokenCount"] == 4


# --- what cannot be written ---


@pytest.mark.parametrize("content", CONTENTS)
def test_without_a_readable_request_the_answer_is_recorded(content: str) -> None:
    call = _call(_answer({"text": "hi"}))
    call.body = b'{"messages": \xff'

    read = _written(call, content)

    assert read["tenantBedrock"]["buildErrors"] == {"input": "UnicodeDecodeError"}
    request = {"bytes": len(call.body), "sha256": hashlib.sha256(call.body).hexdigest()}
    if content == "metadata":
        del request["sha256"]
    assert read["tenantBedrock"]["request"] == request
    assert "inputBodyJson" not in read["input"]
    assert read["input"]["inputTokenCount"] == 3
    assert read["output"]["outputTokenCount"] == 4
    assert read["output"]["outputBodyJson"]["stopReason"] == "end_turn"


@pytest.mark.parametrize("content", CONTENTS)
def test_an_answer_that_contains_itself_is_recorded(content: str) -> None:
    block: dict[str, Any] = {"toolUse": {}}
    block["toolUse"]["input"] = block  # LangChain or the caller may change what botocore returned

    read = _written(_call(_answer(block)), content)

    assert read["output"]["outputTokenCount"] == 4
    if content == "full":
        (written,) = read["output"]["outputBodyJson"]["output"]["message"]["content"]
        assert written == {"toolUse": {"input": "(contains itself)"}}


def test_an_answer_that_botocore_cannot_parse_is_read_from_its_text() -> None:
    body = json.dumps(_answer({"text": "hi"})).encode()

    read = _written(_call(None, answer_body=body, error=RecursionError("too deep")))

    assert read["output"]["outputBodyJson"] == json.loads(body)
    assert read["output"]["outputTokenCount"] == 4


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"[" * 5_000])
def test_an_answer_that_is_no_object_is_recorded_by_its_digest(body: bytes) -> None:
    read = _written(_call(None, answer_body=body, error=ValueError("no JSON")))

    assert read["tenantBedrock"]["answer"]["sha256"] == hashlib.sha256(body).hexdigest()
    assert list(read["tenantBedrock"]["buildErrors"]) == ["output"]
    assert "output" not in read


class _SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def test_an_error_without_a_message_is_recorded_by_its_class() -> None:
    read = _written(_call(_answer({"text": "hi"}), error=_SilentError()))

    assert read["tenantBedrock"]["buildErrors"] == {"error": "RuntimeError"}
    assert read["tenantBedrock"]["error"] == {"type": "_SilentError"}
    assert read["output"]["outputBodyJson"]


@pytest.mark.parametrize("content", CONTENTS)
def test_the_least_record_has_the_ids_the_counts_and_the_digests(content: str) -> None:
    call = _call(_answer({"text": "hi"}), answer_body=b"{}")
    call.attempts = [None]  # type: ignore[list-item] # as a fault of our own would leave it

    read = _written(call, content)

    extension = read["tenantBedrock"]
    assert extension["buildErrors"] == {"attempts": "AttributeError", "record": "AttributeError"}
    assert (extension["request"]["bytes"], extension["answer"]["bytes"]) == (len(call.body), 2)
    assert ("sha256" in extension["request"]) == (content != "metadata")
    assert extension["attempts"] == []
    assert read["output"] == {"outputTokenCount": 4}
    assert read["modelId"] == "a-model"


# --- depth ---


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("depth", [200, 700, 1_000, 5_000, 20_000])
def test_a_request_and_an_answer_of_any_depth_are_recorded(depth: int, content: str) -> None:
    call = _call(_answer({"toolUse": {"toolUseId": "t", "name": "n", "input": _nested(depth)}}))
    deep = '{"a":' * depth + "1" + "}" * depth
    call.body = f'{{"messages":[],"additionalModelRequestFields":{deep}}}'.encode()

    read = _written(call, content)

    assert "buildErrors" not in read["tenantBedrock"]
    if content == "full":
        sent = read["input"]["inputBodyJson"]["additionalModelRequestFields"]
        (block,) = read["output"]["outputBodyJson"]["output"]["message"]["content"]
        for value, above in ((sent, 3), (block["toolUse"]["input"], 8)):
            levels, bottom = _bottom(value)
            assert levels == min(depth, MAX_DEPTH - above)
            if levels < depth:
                assert bottom == '{"a":' * (depth - levels) + "1" + "}" * (depth - levels)
            else:
                assert bottom == 1
    if content == "hashed":
        digest = hashlib.sha256(deep.encode()).hexdigest()
        assert read["input"]["inputBodyJson"]["additionalModelRequestFields"]["sha256"] == digest


@pytest.mark.parametrize("depth", [1_000, 5_000, 20_000])
def test_a_deep_tool_input_of_a_stream_is_recorded(depth: int) -> None:
    stream = StreamedAnswer()
    for event in (
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{"}}}},
        {
            "contentBlockDelta": {
                "contentBlockIndex": 0,
                "delta": {"toolUse": {"input": '"a":{' * depth + "}" * depth}},
            }
        },
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "}"}}}},
    ):
        stream.add(event)

    read = _written(_call(None, stream=stream))

    text = json.dumps(read["output"]["outputBodyJson"]).replace("\\", "")
    assert text.count('"a"') == depth


# --- the moment ---


def test_a_record_is_the_text_of_its_moment() -> None:
    answer = _answer({"text": "before"})
    call = _call(answer)
    settings = Settings.model_validate(SETTINGS)

    written = record.write(call, "end", settings, "")
    answer["output"]["message"]["content"][0]["text"] = "after"

    assert "before" in written.text
    assert "after" not in written.text


def test_the_wait_before_the_request_is_a_latency_of_its_own() -> None:
    read = _written(_call(_answer({"text": "hi"}), waiting_ms=2_111.0))

    assert read["tenantBedrock"]["latencies"]["waitingMs"] == 2_111.0


def test_the_schema_accepts_a_record_from_before_the_version() -> None:
    read = _written(_call(_answer({"text": "hi"})))
    del read["tenantBedrock"]["version"]
    SCHEMA.validate(read)


def test_a_start_mark_is_a_text_too() -> None:
    settings = Settings.model_validate(SETTINGS)
    call = _call()

    mark = record.start_mark(call, settings, "")

    read = json.loads(mark.text)
    SCHEMA.validate(read)
    assert read["tenantBedrock"]["version"] == release_version()
    assert (mark.record_id, mark.phase) == (call.record_id, "start")
