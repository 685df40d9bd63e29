"""What people are shown of a prompt and an answer, in Converse's format and in the models' own."""

import pytest

from tools.records.conversation_text import answer_text, prompt_text


@pytest.mark.parametrize(
    "request_body",
    [
        {"messages": [{"content": [{"text": "before"}]}, {"content": [{"text": "hello"}]}]},
        {"messages": [{"role": "user", "content": "hello"}]},
        {"prompt": "hello"},
        {"inputText": "hello"},
        {"texts": ["hello"]},
        {"query": "hello", "documents": ["one"]},
    ],
)
def test_a_prompt_is_its_last_message_or_its_text(request_body):
    assert prompt_text(request_body) == "hello"


@pytest.mark.parametrize(
    "answer",
    [
        {"output": {"message": {"content": [{"text": "hello"}]}}},
        {"content": [{"type": "text", "text": "hello"}]},
        {"generation": "hello"},
        {"results": [{"outputText": "hello"}]},
        {"outputs": [{"text": "hello"}]},
        {"choices": [{"message": {"content": "hello"}}]},
        [{"type": "message_start"}, {"delta": {"text": "hel"}}, {"delta": {"text": "lo"}}],
        [{"contentBlockDelta": {"delta": {"text": "hello"}}}],
        [{"outputs": [{"text": "hel"}]}, {"outputs": [{"text": "lo"}]}],
    ],
)
def test_an_answer_is_its_words_in_every_format(answer):
    assert answer_text(answer) == "hello"


def test_a_hashed_message_shows_the_beginning_of_its_hash():
    message = {"content": [{"sha256": "0123456789abcdef", "bytes": 5}]}
    assert prompt_text({"messages": [message]}) == "0123456789ab"


@pytest.mark.parametrize("body", [None, "text", 7, [], [None, 7], {}, {"messages": 7}])
def test_a_body_of_any_other_form_has_no_words(body):
    assert prompt_text(body) == ""
    assert answer_text(body) == ""
