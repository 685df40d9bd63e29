"""The words of a record's prompt and answer, in Converse's format or in the model's own, for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.records.event import member

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where the formats without messages have their text:
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
_PROMPTS = (("prompt",), ("inputText",), ("query",), ("message",), ("texts",))
_ANSWERS = (("generation",), ("outputText",), ("text",), ("results",), ("outputs",), ("choices",))
_CHUNKS = (
    ("delta", "text"),
    ("contentBlockDelta", "delta", "text"),
    ("generation",),
    ("outputText",),
    ("text",),
    ("outputs",),
    ("choices",),
)
_PARTS = (("text",), ("outputText",), ("message", "content"), ("delta", "content"))
_SHOWN_DIGITS = 12  # of a hash


def prompt_text(request: object) -> str:
    """Return the last message of a request, or the text of a request that has no messages."""
    messages = member(request, "messages")
    if isinstance(messages, list):
        return " ".join(_words_of_message(message) for message in messages[-1:])
    return " ".join(_words_at(request, _PROMPTS))


def answer_text(answer: object) -> str:
    """Return the words of an answer, or of the chunks of a streamed one in the model's own format."""
    if isinstance(answer, list):
        return "".join(word for chunk in answer for word in _words_at(chunk, _CHUNKS))
    message = member(answer, "output", "message") or answer
    return _words_of_message(message) or " ".join(_words_at(answer, _ANSWERS))


def _words_of_message(message: object) -> str:
    """Return the words of a message, or the beginnings of the hashes in a hashed one."""
    content = member(message, "content")
    if isinstance(content, str):
        return content
    words = []
    for block in content if isinstance(content, list) else []:
        text, sha256 = member(block, "text"), member(block, "sha256")
        if isinstance(text, str) and text:
            words.append(text)
        elif isinstance(sha256, str):
            words.append(sha256[:_SHOWN_DIGITS])
    return " ".join(words)


def _words_at(value: object, paths: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """Yield the text at the first of the paths that has one."""
    for path in paths:
        words = list(_words(member(value, *path)))
        if words:
            yield from words
            return


def _words(found: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(found, str) and found:
        yield found
    for item in found if isinstance(found, list) else ():
        if isinstance(item, str):
            yield item
        else:
            yield from _words_at(item, _PARTS)
