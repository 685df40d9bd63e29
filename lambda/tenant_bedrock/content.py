"""How much of prompts and answers a record keeps: everything, hashes, or nothing."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from tenant_bedrock import json_text

Content = Literal["full", "metadata", "hashed"]

# The members of Converse's request and answer that hold settings and counts and no text. A member
# that AWS adds later is treated as content until it is listed here:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
_SETTINGS = frozenset(
    {
        "guardrailConfig",
        "inferenceConfig",
        "metrics",
        "performanceConfig",
        "serviceTier",
        "stopReason",
        "usage",
    }
)
# Settings and counts of InvokeModel in the models' own formats, and of ApplyGuardrail, kept where they are numbers:
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
_NATIVE_SETTINGS = frozenset(
    {
        "dimensions",
        "inputTextTokenCount",
        "max_completion_tokens",
        "max_gen_len",
        "max_new_tokens",
        "max_tokens",
        "maxTokenCount",
        "maxTokens",
        "normalize",
        "p",
        "temperature",
        "top_k",
        "top_n",
        "top_p",
        "topK",
        "topP",
    }
)
# Objects of such settings and counts, with the names of the counts.
_NATIVE_GROUPS = frozenset(
    {"amazon-bedrock-invocationMetrics", "inferenceConfig", "textGenerationConfig", "usage"}
)
_COUNTS = frozenset(
    {
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cacheReadInputTokenCount",
        "cacheReadInputTokens",
        "cacheWriteInputTokenCount",
        "cacheWriteInputTokens",
        "completion_tokens",
        "firstByteLatency",
        "input_tokens",
        "inputTokenCount",
        "inputTokens",
        "invocationLatency",
        "output_tokens",
        "outputTokenCount",
        "outputTokens",
        "prompt_tokens",
        "total_tokens",
        "totalTokens",
    }
)
# Members of the same that hold one of a few words.
_WORD_MEMBERS = frozenset(
    {
        "action",
        "completionReason",
        "finish_reason",
        "outputScope",
        "source",
        "stop_reason",
        "stopReason",
    }
)
_WORDS = frozenset(
    {
        "COMPLETE",
        "FINISH",
        "FULL",
        "GUARDRAIL_INTERVENED",
        "INPUT",
        "INTERVENTIONS",
        "LENGTH",
        "MAX_TOKENS",
        "NONE",
        "OUTPUT",
        "content_filtered",
        "end_turn",
        "guardrail_intervened",
        "length",
        "max_tokens",
        "pause_turn",
        "refusal",
        "stop",
        "stop_sequence",
        "tool_calls",
        "tool_use",
    }
)
# A list of so many numbers is a vector.
_VECTOR_NUMBERS = 16
_VECTOR_LEVELS = 5  # Cohere's embeddings.float[0] is on the third
_ROLES = frozenset({"assistant", "user"})


def redact(body: object, content: Content) -> dict[str, Any]:
    """A Converse request or answer, reduced to what ``content`` lets a record keep.

    ``metadata`` keeps settings and counts. ``hashed`` also replaces each content block with
    ``{"sha256", "bytes"}``: of a text's UTF-8, or of the block's JSON with sorted keys. Anyone who
    has a text can prove that it was sent, and a short text can be guessed from its hash. Raises
    TypeError if the body is not an object.
    """
    if not isinstance(body, dict):
        raise TypeError("The body is not a JSON object.")
    if content == "full":
        return body
    settings = {
        name: _without_stop_sequences(part) for name, part in body.items() if name in _SETTINGS
    }
    if content == "metadata":
        return settings
    hashes = {
        name: _hash_member(name, part) for name, part in body.items() if name not in _SETTINGS
    }
    return settings | hashes


def redact_native(body: object, content: Content) -> dict[str, Any]:
    """A request, an answer or a chunk in the model's own format, reduced as ``redact`` does it.

    ``hashed`` replaces each member that may hold content as a whole. Raises TypeError if the body is not an object.
    """
    if not isinstance(body, dict):
        raise TypeError("The body is not a JSON object.")
    if content == "full":
        return body
    settings = {
        name: setting
        for name, part in body.items()
        if (setting := _native_setting(name, part)) is not None
    }
    if content == "metadata":
        return settings
    return settings | {name: _hash(part) for name, part in body.items() if name not in settings}


def _native_setting(name: str, part: object) -> object:
    """The part if it is a setting or a count, the numbers of a group of them, and otherwise None."""
    if name in _NATIVE_SETTINGS:
        return part if isinstance(part, (int, float)) else None
    if name in _WORD_MEMBERS:
        return part if isinstance(part, str) and part in _WORDS else None
    if name in _NATIVE_GROUPS and isinstance(part, dict):
        return {
            key: number
            for key, number in part.items()
            if key in _NATIVE_SETTINGS | _COUNTS and isinstance(number, (int, float))
        }
    return None


def without_vectors(answer: Any, levels: int = _VECTOR_LEVELS) -> Any:  # noqa: ANN401 - JSON
    """An answer with ``{"sha256", "bytes", "numbers"}`` in the place of each vector in its first levels."""
    if levels and isinstance(answer, dict):
        return {name: without_vectors(part, levels - 1) for name, part in answer.items()}
    if not levels or not isinstance(answer, list):
        return answer
    if len(answer) >= _VECTOR_NUMBERS and all(isinstance(item, (int, float)) for item in answer):
        return {**_hash(answer), "numbers": len(answer)}
    return [without_vectors(part, levels - 1) for part in answer]


def _without_stop_sequences(setting: object) -> object:
    """A setting without its stop sequences, the only free text among the settings."""
    if not isinstance(setting, dict):
        return setting
    return {name: value for name, value in setting.items() if name != "stopSequences"}


def _hash_member(name: str, member: object) -> object:
    """The hashes of a member's content blocks; a member of an unknown shape is hashed as a whole."""
    if name == "messages" and isinstance(member, list):
        return [_hash_turn(turn) for turn in member]
    if name == "system" and isinstance(member, list):
        return [_hash(block) for block in member]
    if name == "output" and isinstance(member, dict) and member.keys() == {"message"}:
        return {"message": _hash_turn(member["message"])}
    return _hash(member)


def _hash_turn(turn: object) -> dict[str, Any]:
    blocks = turn.get("content") if isinstance(turn, dict) else None
    if not isinstance(turn, dict) or not isinstance(blocks, list):
        return _hash(turn)
    role = turn.get("role")
    roles = {"role": role} if isinstance(role, str) and role in _ROLES else {}
    rest = {name: _hash(part) for name, part in turn.items() if name not in {"content", "role"}}
    return {**roles, **rest, "content": [_hash(block) for block in blocks]}


def _hash(block: object) -> dict[str, Any]:
    text = block["text"] if isinstance(block, dict) and block.keys() == {"text"} else None
    if not isinstance(text, str):
        text = json_text.dumps(block, sort_keys=True)
    data = text.encode("utf-8", "replace")
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
