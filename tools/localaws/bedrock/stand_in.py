"""The local AWS's model: it says that it is none, quotes the user, and calls a tool when told.

- It answers a text with a text that quotes it, so a canary in a prompt is in the answer too.
- It calls a tool when toolChoice forces one, or when the user writes ``use the tool NAME`` and the
  request offers that tool; the arguments conform to the tool's JSON schema.
- A token is a word (see tokens.py); ``maxTokens`` and ``stopSequences`` cut the answer.
- It reasons in a sentence when the request says ``thinking``.
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

_ASKS_FOR_TOOL = re.compile(r"\buse the tool ([A-Za-z0-9_-]+)", re.IGNORECASE)
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
        """How many of its tokens are reasoning."""
        return count_tokens(self.reasoning)

    @property
    def tokens(self) -> int:
        """How many output tokens it is; a tool call's name is one."""
        if self.tool is None:
            return self.reasoning_tokens + count_tokens(self.text)
        return self.reasoning_tokens + 1 + count_tokens(self.tool_input)


def reply(model: str, conversation: Conversation) -> StandInAnswer:
    """What the model called ``model`` answers to a conversation: the same to the same."""
    answer = _reply(model, conversation)
    if conversation.thinks:
        return replace(answer, reasoning=f"The user wrote: {conversation.last_user_text}")
    return answer


def _reply(model: str, conversation: Conversation) -> StandInAnswer:
    tool = _wanted_tool(conversation)
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
    return _cut(text, conversation)


def _wanted_tool(conversation: Conversation) -> Mapping[str, Any] | None:
    tools = {tool["name"]: tool for tool in conversation.tools}
    if conversation.forced_tool is not None:
        return tools[conversation.forced_tool]
    asked = _ASKS_FOR_TOOL.search(conversation.last_user_text)
    return tools.get(asked[1]) if asked else None


def _cut(text: str, conversation: Conversation) -> StandInAnswer:
    stops = [at for stop in conversation.stop_sequences if (at := text.find(stop)) >= 0]
    stopped = text[: min(stops)] if stops else text
    words = _WORD.findall(stopped)
    if len(words) > conversation.max_tokens:
        return StandInAnswer("max_tokens", "".join(words[: conversation.max_tokens]))
    return StandInAnswer("stop_sequence" if stops else "end_turn", stopped)
