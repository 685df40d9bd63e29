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
