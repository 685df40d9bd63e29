"""The stand-in for a model: it says that it is not a model, quotes the user, and calls tools.

- It answers a text with a text that quotes it, so a canary in a prompt also appears in the answer.
- It calls a tool when toolChoice forces one, or when the user writes ``use the tool NAME`` and the
  request has that tool; the arguments conform to the tool's JSON schema.
- A token is a word (see tokens.py); ``maxTokens`` and ``stopSequences`` cut the answer.
- Its reasoning is one sentence, if the request asks for ``thinking``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.schema_values import conforming_value
from tools.localaws.bedrock.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.bedrock.conversation import Conversation

_TOOL_REQUEST = re.compile(r"\buse the tool ([A-Za-z0-9_-]+)", re.IGNORECASE)
_WORD = re.compile(r"\s*\S+")


@dataclass(frozen=True)
class StandInAnswer:
    """One assistant message: either ``text`` or a tool's name and ``tool_input``."""

    stop_reason: str
    text: str = field(default="", repr=False)
    tool: str | None = None
    tool_input: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reasoning: str = field(default="", repr=False)

    @property
    def reasoning_tokens(self) -> int:
        """The number of output tokens that are reasoning."""
        return count_tokens(self.reasoning)

    @property
    def tokens(self) -> int:
        """The number of output tokens; the name of a tool counts as one."""
        if self.tool is None:
            return self.reasoning_tokens + count_tokens(self.text)
        return self.reasoning_tokens + 1 + count_tokens(self.tool_input)


def reply(model: str, conversation: Conversation) -> StandInAnswer:
    """The answer of ``model`` to a conversation; equal conversations get equal answers."""
    answer = _reply(model, conversation)
    if conversation.reasoning:
        return replace(answer, reasoning=f"The user wrote: {conversation.last_user_text}")
    return answer


def _reply(model: str, conversation: Conversation) -> StandInAnswer:
    tool = _requested_tool(conversation)
    if tool is not None:
        return StandInAnswer(
            stop_reason="tool_use",
            tool=tool["name"],
            tool_input=conforming_value(tool["inputSchema"]["json"], conversation.last_user_text),
        )
    text = (
        f"This is the local AWS's stand-in for {model}, not a model. "
        f"You wrote: {conversation.last_user_text}"
    )
    return _limited_answer(text, conversation)


def _requested_tool(conversation: Conversation) -> Mapping[str, Any] | None:
    tools = {tool["name"]: tool for tool in conversation.tools}
    if conversation.forced_tool is not None:
        return tools[conversation.forced_tool]
    match = _TOOL_REQUEST.search(conversation.last_user_text)
    return tools.get(match[1]) if match else None


def _limited_answer(text: str, conversation: Conversation) -> StandInAnswer:
    stops = [index for stop in conversation.stop_sequences if (index := text.find(stop)) >= 0]
    shortened = text[: min(stops)] if stops else text
    words = _WORD.findall(shortened)
    if len(words) > conversation.max_tokens:
        return StandInAnswer("max_tokens", "".join(words[: conversation.max_tokens]))
    return StandInAnswer("stop_sequence" if stops else "end_turn", shortened)
