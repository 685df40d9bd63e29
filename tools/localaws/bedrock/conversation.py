"""Checks and reads a Converse request, with Bedrock's own error messages.

The messages are those that users report, for instance in langchain-ai/langchain-aws
issues 130 and 192, langgenius/dify issue 12340 and archestra-ai/archestra pull request 4220. The
limits are those of https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
and the data types it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.localaws.call import ServiceError

Block = Mapping[str, Any]

DEFAULT_MAX_TOKENS = 4096
"""The limit of a request without maxTokens; on AWS it is the model's maximum."""

_MAX_METADATA = 16
_MAX_STOP_SEQUENCES = 2500


@dataclass(frozen=True)
class Conversation:
    """A valid request. ``tools`` are tool specifications in the order of the request.

    ``prompt`` is the model's whole input (tools, system, messages) in the order of the prompt
    cache; ``forced_tool`` is the tool that toolChoice forces. ``reasoning`` is whether the model
    reasons first, ``reports_usage`` whether the request asks for the model's own token count, and
    ``guardrail`` is the guardrail to trace.
    """

    last_user_text: str
    prompt: tuple[Block, ...] = field(repr=False)
    tools: tuple[Mapping[str, Any], ...]
    forced_tool: str | None
    max_tokens: int
    stop_sequences: tuple[str, ...]
    reasoning: bool = False
    reports_usage: bool = False
    guardrail: str | None = None


def read_conversation(parameters: Mapping[str, Any]) -> Conversation:
    """Check a Converse or ConverseStream request and read it; raises ServiceError as Bedrock does."""
    messages: Sequence[Mapping[str, Any]] = parameters.get("messages") or ()
    tool_config: Mapping[str, Any] = parameters.get("toolConfig") or {}
    inference: Mapping[str, Any] = parameters.get("inferenceConfig") or {}
    _check_turns(messages)
    _check_content(messages, parameters.get("system") or ())
    _check_tools(messages, tool_config)
    _check_inference(inference)
    _check_metadata(parameters.get("requestMetadata") or {})
    tools = tuple(tool["toolSpec"] for tool in tool_config.get("tools", ()) if "toolSpec" in tool)
    return Conversation(
        last_user_text=_last_user_text(messages),
        prompt=tuple(_prompt(tool_config, parameters.get("system") or (), messages)),
        tools=tools,
        forced_tool=_forced_tool(tool_config.get("toolChoice") or {}, tools),
        max_tokens=inference.get("maxTokens", DEFAULT_MAX_TOKENS),
        stop_sequences=tuple(inference.get("stopSequences") or ()),
        reasoning="thinking" in (parameters.get("additionalModelRequestFields") or {}),
        reports_usage="/usage" in (parameters.get("additionalModelResponseFieldPaths") or ()),
        guardrail=_traced_guardrail(parameters.get("guardrailConfig") or {}),
    )


def _check_turns(messages: Sequence[Mapping[str, Any]]) -> None:
    if not messages or messages[0]["role"] != "user":
        raise _invalid(
            "A conversation must start with a user message. "
            "Try again with a conversation that starts with a user message."
        )
    for index, message in enumerate(messages):
        if message["role"] != ("user", "assistant")[index % 2]:
            raise _invalid(
                "A conversation must alternate between user and assistant roles. "
                "Make sure the conversation alternates between user and assistant roles "
                "and try again."
            )


def _check_content(messages: Sequence[Mapping[str, Any]], system: Sequence[Block]) -> None:
    for index, message in enumerate(messages):
        if not message.get("content"):
            raise _invalid(
                f"The content field in the Message object at messages.{index} is empty. "
                "Add a ContentBlock object to the content field and try again."
            )
        for position, block in enumerate(message["content"]):
            _check_text(block, f"ContentBlock object at messages.{index}.content.{position}")
    for position, block in enumerate(system):
        _check_text(block, f"SystemContentBlock object at system.{position}")


def _check_text(block: Block, where: str) -> None:
    if "text" in block and not block["text"].strip():
        raise _invalid(
            f"The text field in the {where} is blank. Add text to the text field, and try again."
        )


def _check_tools(messages: Sequence[Mapping[str, Any]], tool_config: Mapping[str, Any]) -> None:
    use_ids: list[str] = []
    for index, message in enumerate(messages):
        result_ids = [
            block["toolResult"]["toolUseId"]
            for block in message["content"]
            if "toolResult" in block
        ]
        missing_ids = [use_id for use_id in use_ids if use_id not in result_ids]
        if missing_ids:
            raise _invalid(
                f"Expected toolResult blocks at messages.{index}.content "
                f"for the following Ids: {', '.join(missing_ids)}"
            )
        if len(result_ids) > len(use_ids):
            raise _invalid(
                f"The number of toolResult blocks at messages.{index}.content exceeds "
                "the number of toolUse blocks of previous turn."
            )
        use_ids = [
            block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block
        ]
        if (use_ids or result_ids) and not tool_config.get("tools"):
            raise _invalid(
                "The toolConfig field must be defined when using toolUse and toolResult "
                "content blocks."
            )


def _check_inference(inference: Mapping[str, Any]) -> None:
    if inference.get("maxTokens", 1) < 1:
        raise _out_of_range("maxTokens", inference["maxTokens"], "greater than or equal to 1")
    for name in ("temperature", "topP"):
        if inference.get(name, 0) < 0:
            raise _out_of_range(name, inference[name], "greater than or equal to 0")
        if inference.get(name, 0) > 1:
            raise _out_of_range(name, inference[name], "less than or equal to 1")
    stop_sequences = inference.get("stopSequences") or ()
    if len(stop_sequences) > _MAX_STOP_SEQUENCES or "" in stop_sequences:
        raise _invalid(
            "1 validation error detected: Value at 'inferenceConfig.stopSequences' failed to "
            f"satisfy constraint: Member must have at most {_MAX_STOP_SEQUENCES} items, "
            "none of them empty"
        )


def _check_metadata(metadata: Mapping[str, str]) -> None:
    if len(metadata) > _MAX_METADATA:
        raise _invalid(
            "1 validation error detected: Value at 'requestMetadata' failed to satisfy "
            f"constraint: Member must have length less than or equal to {_MAX_METADATA}"
        )


def _last_user_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last user turn, including the results of tools."""
    last = next(message for message in reversed(messages) if message["role"] == "user")
    return "\n".join(_texts(last["content"]))


def _texts(content: Sequence[Block]) -> Iterator[str]:
    for block in content:
        if "text" in block:
            yield block["text"]
        elif "toolResult" in block:
            yield from _texts(block["toolResult"]["content"])
        elif "json" in block:
            yield str(block["json"])


def _prompt(
    tool_config: Mapping[str, Any], system: Sequence[Block], messages: Sequence[Mapping[str, Any]]
) -> Iterator[Block]:
    yield from tool_config.get("tools", ())
    yield from system
    for message in messages:
        yield from message["content"]


def _forced_tool(choice: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> str | None:
    if "tool" in choice:
        name: str = choice["tool"]["name"]
        if name not in [tool["name"] for tool in tools]:
            raise _invalid(f"The toolChoice names the tool {name}, which is not in toolConfig.")
        return name
    return tools[0]["name"] if "any" in choice and tools else None


def _traced_guardrail(config: Mapping[str, Any]) -> str | None:
    return str(config["guardrailIdentifier"]) if config.get("trace") == "enabled" else None


def _out_of_range(name: str, value: float, constraint: str) -> ServiceError:
    return _invalid(
        f"1 validation error detected: Value '{value}' at 'inferenceConfig.{name}' failed to "
        f"satisfy constraint: Member must have value {constraint}"
    )


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
