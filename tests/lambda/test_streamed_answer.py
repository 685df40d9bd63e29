"""A streamed answer is assembled into Converse's answer, whatever its events hold."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from tenant_bedrock.streamed_answer import StreamedAnswer

if TYPE_CHECKING:
    from botocore.model import Shape

START: dict[str, Any] = {"messageStart": {"role": "assistant"}}
STOP: dict[str, Any] = {"messageStop": {"stopReason": "end_turn"}}
METADATA: dict[str, Any] = {"metadata": {"usage": {"inputTokens": 1}, "metrics": {"latencyMs": 2}}}
MODEL = botocore.session.get_session().get_service_model("bedrock-runtime")


def _delta(index: int, **delta: Any) -> dict[str, Any]:
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}


def _start(index: int, **start: Any) -> dict[str, Any]:
    return {"contentBlockStart": {"contentBlockIndex": index, "start": start}}


def _assembled(*events: dict[str, Any]) -> Any:
    answer = StreamedAnswer()
    for event in events:
        answer.add(event)
    return answer.assembled()


def _blocks(*events: dict[str, Any]) -> Any:
    return _assembled(START, *events)["output"]["message"]["content"]


def test_text_is_joined_by_block() -> None:
    answer = _assembled(START, _delta(0, text="Hel"), _delta(0, text="lo"), _delta(1, text="!"))

    assert answer["output"]["message"] == {
        "role": "assistant",
        "content": [{"text": "Hello"}, {"text": "!"}],
    }


# What two deltas of a kind become, by the members of ContentBlockDelta in botocore's model of Bedrock.
# A pair is the event that starts the block, if there is one, and Converse's block.
CITATIONS: list[dict[str, Any]] = [
    {
        "title": title,
        "source": "report.pdf",
        "sourceContent": [{"text": f"{title} says"}, {"text": " so"}],
        "location": {"documentPage": {"documentIndex": 0, "start": number, "end": number + 1}},
    }
    for number, title in enumerate(("first", "second"))
]
KINDS: dict[str, tuple[dict[str, Any], list[Any], dict[str, Any]]] = {
    "text": ({}, ["Hel", "lo"], {"text": "Hello"}),
    "toolUse": (
        {"toolUse": {"toolUseId": "t1", "name": "add", "type": "server_tool_use"}},
        [{"input": '{"a": 1, '}, {"input": '"b": [2]}'}],
        {
            "toolUse": {
                "toolUseId": "t1",
                "name": "add",
                "type": "server_tool_use",
                "input": {"a": 1, "b": [2]},
            }
        },
    ),
    "toolResult": (
        {"toolResult": {"toolUseId": "t1", "type": "web_search_result", "status": "success"}},
        [[{"text": "one"}, {"json": {"deep": [{"er": 1}]}}], [{"text": "two"}]],
        {
            "toolResult": {
                "toolUseId": "t1",
                "type": "web_search_result",
                "status": "success",
                "content": [{"text": "one"}, {"json": {"deep": [{"er": 1}]}}, {"text": "two"}],
            }
        },
    ),
    "reasoningContent": (
        {},
        [{"text": "first "}, {"text": "second"}, {"signature": "sig"}],
        {"reasoningContent": {"reasoningText": {"text": "first second", "signature": "sig"}}},
    ),
    "citation": ({}, CITATIONS, {"citationsContent": {"citations": CITATIONS}}),
    "image": (
        {"image": {"format": "png"}},
        [{"source": {"bytes": b"\x89P"}}, {"source": {"bytes": b"NG"}}],
        {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
    ),
}
# Variants of a kind: another member of it, or several kinds in one block.
VARIANTS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "reasoning with a signature only": (
        [_delta(0, reasoningContent={"signature": "sig"})],
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "sig"}}},
    ),
    "redacted reasoning": (
        [
            _delta(0, reasoningContent={"redactedContent": b"\x00"}),
            _delta(0, reasoningContent={"redactedContent": b"\xff"}),
        ],
        {"reasoningContent": {"redactedContent": b"\x00\xff"}},
    ),
    "a text with citations": (
        [
            _delta(0, text="It is "),
            _delta(0, citation=CITATIONS[0]),
            _delta(0, text="so."),
            _delta(0, citation=CITATIONS[1]),
        ],
        {"citationsContent": {"content": [{"text": "It is so."}], "citations": CITATIONS}},
    ),
    "an image in S3": (
        [
            _start(0, image={"format": "webp"}),
            _delta(0, image={"source": {"s3Location": {"uri": "s3://b/k"}}}),
        ],
        {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://b/k"}}}},
    ),
    "a tool without arguments": (
        [_start(0, toolUse={"toolUseId": "t1", "name": "now"})],
        {"toolUse": {"toolUseId": "t1", "name": "now", "input": {}}},
    ),
    "a tool result in one piece": (
        [_start(0, toolResult={"toolUseId": "t1"}), _delta(0, toolResult=[{"json": []}])],
        {"toolResult": {"toolUseId": "t1", "content": [{"json": []}]}},
    ),
}


def _check_shape(block: dict[str, Any], shape: Shape) -> None:
    report = ParamValidator().validate(block, shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("kind", MODEL.shape_for("ContentBlockDelta").members)
def test_deltas_of_every_kind_become_converses_block(kind: str) -> None:
    """A kind that botocore adds has no entry above, so this fails until the kind is folded."""
    start, deltas, block = KINDS[kind]
    events = [_start(0, **start)] if start else []

    assert _blocks(*events, *(_delta(0, **{kind: delta}) for delta in deltas)) == [block]
    _check_shape(block, MODEL.shape_for("ContentBlock"))


@pytest.mark.parametrize("kind", MODEL.shape_for("ContentBlockStart").members)
def test_every_member_that_starts_a_block_is_in_the_block(kind: str) -> None:
    """The block has every member that botocore's model knows of the start event."""
    start, _, block = KINDS[kind]

    assert start[kind].keys() == MODEL.shape_for("ContentBlockStart").members[kind].members.keys()
    assert start[kind].items() <= block[kind].items()


def test_every_event_of_the_model_is_known() -> None:
    content = {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"}
    events = MODEL.shape_for("ConverseStreamOutput").members.items()

    kinds = {name for name, shape in events if not shape.metadata.get("exception")}
    assert kinds == content | {"messageStop", "metadata"}
    answer = MODEL.shape_for("ConverseResponse").members.keys()
    for event in ("MessageStopEvent", "ConverseStreamMetadataEvent"):
        assert MODEL.shape_for(event).members.keys() <= answer


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_becomes_converses_block(variant: str) -> None:
    events, block = VARIANTS[variant]

    assert _blocks(*events) == [block]
    _check_shape(block, MODEL.shape_for("ContentBlock"))


def test_an_incomplete_tool_input_is_kept_as_text() -> None:
    assert _blocks(_delta(0, toolUse={"input": '{"a": 1, '})) == [
        {"toolUse": {"input": '{"a": 1, '}}
    ]


@pytest.mark.parametrize("depth", [1_000, 5_000, 20_000])
def test_a_tool_input_of_any_depth_becomes_a_document(depth: int) -> None:
    text = '{"a":' * depth + "1" + "}" * depth

    (block,) = _blocks(_delta(0, toolUse={"input": text}))

    value = block["toolUse"]["input"]
    for _ in range(depth):
        value = value["a"]
    assert value == 1


@pytest.mark.parametrize(
    "text", ["[" * 5_000, "[" * 5_000 + "]" * 5_001, "1" * 5_000, "{" * 3_000 + "}" * 3_000]
)
def test_a_tool_input_that_cannot_be_parsed_is_kept_as_text(text: str) -> None:
    assert _blocks(_delta(0, toolUse={"input": text})) == [{"toolUse": {"input": text}}]


def test_members_that_the_model_does_not_know_are_kept() -> None:
    events = [
        _delta(0, hologram={"format": "h1", "layers": [{"z": 1}]}),
        _delta(0, hologram={"layers": [{"z": 2}], "depth": 3}),
        _delta(1, sound=["do"]),
        _delta(1, sound=["re"]),
        _delta(2, text="a", mood={"a": 1}),
        _delta(2, mood="glad"),
    ]

    assert _blocks(*events) == [
        {"hologram": {"format": "h1", "layers": [{"z": 1}, {"z": 2}], "depth": 3}},
        {"sound": {"content": ["do", "re"]}},
        {"text": "a", "mood": [{"a": 1}, "glad"]},
    ]


def test_stop_reason_usage_and_metrics_are_kept() -> None:
    answer = _assembled(START, _delta(0, text="hi"), STOP, METADATA)

    assert answer["stopReason"] == "end_turn"
    assert answer["usage"] == {"inputTokens": 1}
    assert answer["metrics"] == {"latencyMs": 2}


def test_an_answer_is_complete_when_its_message_stops() -> None:
    answer = StreamedAnswer()
    answer.add(START)
    assert not answer.is_complete
    answer.add(STOP)
    assert answer.is_complete
    answer.add(METADATA)
    assert answer.is_complete
    assert answer.assembled()["usage"] == {"inputTokens": 1}


def test_no_event_is_no_answer() -> None:
    assert _assembled() == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*KINDS, "input", "content", "text", "source", "new"])
MEMBERS = st.recursive(JSON, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=9)
EVENTS = st.dictionaries(
    st.sampled_from([*MODEL.shape_for("ConverseStreamOutput").members, "contentBlockNew"]),
    JSON
    | st.fixed_dictionaries(
        {}, optional={"contentBlockIndex": JSON, "delta": MEMBERS, "start": MEMBERS, "role": JSON}
    ),
    max_size=2,
)


@given(st.lists(EVENTS | JSON, max_size=6))
def test_no_event_makes_the_answer_fail(events: list[Any]) -> None:
    answer = StreamedAnswer()
    for event in events:
        answer.add(event)
        answer.assembled()


@given(st.text(min_size=1), st.lists(st.integers(min_value=0), max_size=5))
def test_a_text_is_the_same_however_it_is_divided(text: str, cuts: list[int]) -> None:
    positions = sorted({0, len(text), *(cut % len(text) for cut in cuts)})
    pieces = [text[start:end] for start, end in pairwise(positions)]

    assert _blocks(*(_delta(0, text=piece) for piece in pieces)) == [{"text": text}]
    characters = json.dumps({"a": text})
    (block,) = _blocks(*(_delta(0, toolUse={"input": piece}) for piece in characters))
    assert block["toolUse"]["input"] == {"a": text}
