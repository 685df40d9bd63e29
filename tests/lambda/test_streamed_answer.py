"""A streamed answer is assembled into Converse's answer."""

from __future__ import annotations

from typing import Any

from tenant_bedrock.streamed_answer import StreamedAnswer

START: dict[str, Any] = {"messageStart": {"role": "assistant"}}
STOP: dict[str, Any] = {"messageStop": {"stopReason": "end_turn"}}
METADATA: dict[str, Any] = {"metadata": {"usage": {"inputTokens": 1}, "metrics": {"latencyMs": 2}}}


def _delta(index: int, **delta: Any) -> dict[str, Any]:
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}


def _assembled(*events: dict[str, Any]) -> Any:
    answer = StreamedAnswer()
    for event in events:
        answer.add(event)
    return answer.assembled()


def test_text_is_joined_by_block() -> None:
    answer = _assembled(START, _delta(0, text="Hel"), _delta(0, text="lo"), _delta(1, text="!"))

    assert answer["output"]["message"] == {
        "role": "assistant",
        "content": [{"text": "Hello"}, {"text": "!"}],
    }


def test_a_tools_input_becomes_a_document() -> None:
    tool = {"toolUse": {"toolUseId": "t1", "name": "add"}}
    answer = _assembled(
        START,
        {"contentBlockStart": {"contentBlockIndex": 0, "start": tool}},
        _delta(0, toolUse={"input": '{"a": 1, '}),
        _delta(0, toolUse={"input": '"b": 2}'}),
    )

    assert answer["output"]["message"]["content"] == [
        {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1, "b": 2}}}
    ]


def test_an_incomplete_tool_input_is_kept_as_text() -> None:
    answer = _assembled(START, _delta(0, toolUse={"input": '{"a": 1, '}))

    assert answer["output"]["message"]["content"] == [{"toolUse": {"input": '{"a": 1, '}}]


def test_reasoning_has_converses_shape() -> None:
    answer = _assembled(
        START,
        _delta(0, reasoningContent={"text": "first "}),
        _delta(0, reasoningContent={"text": "second"}),
        _delta(0, reasoningContent={"signature": "sig"}),
        _delta(1, reasoningContent={"redactedContent": b"\x00\xff"}),
    )

    assert answer["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "first second", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": b"\x00\xff"}},
    ]


def test_stop_reason_usage_and_metrics_are_kept() -> None:
    answer = _assembled(START, _delta(0, text="hi"), STOP, METADATA)

    assert answer["stopReason"] == "end_turn"
    assert answer["usage"] == {"inputTokens": 1}
    assert answer["metrics"] == {"latencyMs": 2}


def test_an_answer_is_complete_only_with_its_last_two_events() -> None:
    answer = StreamedAnswer()
    answer.add(START)
    answer.add(STOP)
    assert not answer.is_complete
    answer.add(METADATA)
    assert answer.is_complete


def test_no_event_is_no_answer() -> None:
    assert _assembled() == {}
