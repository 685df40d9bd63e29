"""The events that the handler accepts, and its sentence for every other."""

from __future__ import annotations

import pytest

from tenant_bedrock import BadRequestError, request

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (CANARY, "The event is not a JSON object"),
        ([CANARY], "The event is not a JSON object"),
        (None, "The event is not a JSON object"),
        ({}, "write either prompt or messages"),
        ({"prompt": None}, "write either prompt or messages"),
        (
            {"prompt": CANARY, "messages": [{"role": "user", "content": CANARY}]},
            "write either prompt or messages",
        ),
        ({"prompt": ""}, "prompt must not be empty"),
        ({"prompt": " \n\t"}, "prompt must not be blank"),
        ({"prompt": 42}, "prompt must be a string"),
        ({"prompt": [CANARY]}, "prompt must be a string"),
        ({"prompt": "\ud800"}, "prompt must be valid Unicode text"),
        ({"messages": []}, "messages must not be empty"),
        ({"messages": CANARY}, "messages must be a list"),
        ({"messages": [CANARY]}, "messages[0] must be an object with role and content"),
        ({"messages": [{"role": "user"}]}, "messages[0].content is missing"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": CANARY, "content": "b"}]},
            "messages[1].role must be user or assistant",
        ),
        (
            {"messages": [{"role": "user", "content": [{"text": CANARY}]}]},
            "messages[0].content must be a string",
        ),
        (
            {"messages": [{"role": "assistant", "content": CANARY}]},
            "the first message must have the role user",
        ),
        ({"prompt": CANARY, "system": ""}, "system must not be empty"),
        ({"prompt": CANARY, "model": ""}, "model must not be empty"),
        ({"prompt": CANARY, "max_tokens": 0}, "max_tokens must be at least 1"),
        ({"prompt": CANARY, "max_tokens": True}, "max_tokens must be a whole number"),
        ({"prompt": CANARY, "max_tokens": "10"}, "max_tokens must be a whole number"),
        ({"prompt": CANARY, "max_tokens": 1.5}, "max_tokens must be a whole number"),
        ({"prompt": CANARY, "temperature": -0.1}, "temperature must be at least 0"),
        ({"prompt": CANARY, "temperature": 1.1}, "temperature must be at most 1"),
        ({"prompt": CANARY, "temperature": CANARY}, "temperature must be a number"),
        ({"prompt": CANARY, "top_p": 2}, "top_p must be at most 1"),
        ({"prompt": CANARY, "stop": CANARY}, "stop must be a list"),
        ({"prompt": CANARY, "stop": [CANARY, ""]}, "stop[1] must not be empty"),
        (
            {"prompt": CANARY, "max_token": 10},
            "the event has an unknown key (did you mean max_tokens?)",
        ),
        ({CANARY: 1, "prompt": CANARY}, "the event has an unknown key (known are prompt, "),
        (
            {"messages": [{"role": "user", "content": CANARY, CANARY: 1}]},
            "messages[0] has an unknown key (known are role, content)",
        ),
        (
            {"prompt": CANARY, "system": "x" * 5_000_000},
            "the text is longer than 5,000,000 bytes of UTF-8, the limit",
        ),
        ({"prompt": "é" * 2_500_001}, "the text is longer than 5,000,000 bytes"),
        ({"prompt": 1, "top_p": 2}, "prompt must be a string; top_p must be at most 1"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_bad_event_is_refused_in_a_sentence_that_does_not_quote_it(
    event: object, sentence: str
) -> None:
    with pytest.raises(BadRequestError) as caught:
        request.parse(event)

    assert sentence in str(caught.value)
    assert CANARY not in str(caught.value)


def test_no_exception_behind_the_refusal_holds_the_event() -> None:
    with pytest.raises(BadRequestError) as caught:
        request.parse({"prompt": CANARY, "temperature": CANARY})

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_takes_exactly_five_million_bytes() -> None:
    assert request.parse({"prompt": "é" * 2_500_000})


def test_takes_whole_numbers_at_both_ends_of_a_range() -> None:
    chat_request = request.parse({"prompt": "hello", "temperature": 0, "top_p": 1, "max_tokens": 1})

    assert chat_request.parameters() == {"temperature": 0, "top_p": 1, "max_tokens": 1}


def test_a_line_break_may_be_a_stop_sequence() -> None:
    assert request.parse({"prompt": "hello", "stop": ["\n"]}).parameters() == {"stop": ["\n"]}


def test_the_system_prompt_comes_first() -> None:
    chat_request = request.parse(
        {"system": "be brief", "messages": [{"role": "user", "content": "hello"}]}
    )

    assert chat_request.turns() == [("system", "be brief"), ("user", "hello")]
