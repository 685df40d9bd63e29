"""InvokeModel's bodies in the models' own formats, as requests and answers of Converse.

Claude: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
Nova: https://docs.aws.amazon.com/nova/latest/userguide/using-invoke-api.html
Other formats, and content other than text, are refused.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLAUDE_VERSION = "bedrock-2023-05-31"


def converse_request(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return Converse's parameters for a request body; raises ServiceError (ValidationException)."""
    if model.startswith("anthropic."):
        return _from_claude(body)
    if model.startswith("amazon.nova-"):
        names = ("messages", "system", "inferenceConfig", "toolConfig")
        return {name: body[name] for name in names if name in body}
    raise _invalid(
        "The local AWS knows only InvokeModel's bodies of Claude and Nova; use Converse."
    )


def native_answer(model: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response body of the model from Converse's answer."""
    if model.startswith("anthropic."):
        return _to_claude(model, answer)
    return {name: answer[name] for name in ("output", "stopReason", "usage")}


def read_body(body: bytes) -> dict[str, Any]:
    """Parse a request body; raises ServiceError (ValidationException) unless it is a JSON object."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise _invalid(
            "Malformed input request: expected a JSON object, please reformat your input."
        )
    return parsed


def _from_claude(body: Mapping[str, Any]) -> dict[str, Any]:
    if body.get("anthropic_version") != _CLAUDE_VERSION:
        raise _invalid(f"anthropic_version: write {_CLAUDE_VERSION}.")
    if not isinstance(body.get("max_tokens"), int):
        raise _invalid("max_tokens: Field required")
    inference = {"maxTokens": body["max_tokens"]}
    names = {"stop_sequences": "stopSequences", "temperature": "temperature", "top_p": "topP"}
    inference |= {converse: body[name] for name, converse in names.items() if name in body}
    messages = [
        {"role": message["role"], "content": _claude_blocks(message["content"])}
        for message in body.get("messages") or ()
    ]
    system = _claude_blocks(body.get("system") or [])
    return {"inferenceConfig": inference, "messages": messages, "system": system}


def _claude_blocks(content: Any) -> list[dict[str, str]]:  # noqa: ANN401 - JSON of the caller
    if isinstance(content, str):
        return [{"text": content}]
    if any(block.get("type") != "text" for block in content):
        raise _invalid("The local AWS knows only text in InvokeModel's bodies; use Converse.")
    return [{"text": block["text"]} for block in content]


def _to_claude(model: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    usage = answer["usage"]
    [block] = answer["output"]["message"]["content"]
    return {
        "content": [{"text": block["text"], "type": "text"}],
        "id": f"msg_bdrk_{secrets.token_hex(12)}",
        "model": model.removeprefix("anthropic."),
        "role": "assistant",
        "stop_reason": answer["stopReason"],
        "stop_sequence": None,
        "type": "message",
        "usage": {
            "cache_creation_input_tokens": usage["cacheWriteInputTokens"],
            "cache_read_input_tokens": usage["cacheReadInputTokens"],
            "input_tokens": usage["inputTokens"],
            "output_tokens": usage["outputTokens"],
        },
    }


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
