"""How much of prompts and answers a record keeps: everything, hashes, or nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def redact(body: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """A Converse request or answer, reduced to what ``content`` lets a record keep.

    ``metadata`` keeps settings and counts. ``hashed`` also replaces each content block with
    ``{"sha256", "bytes"}``: of a text's UTF-8, or of the block's JSON with sorted keys. Anyone who
    has a text can prove that it was sent, and a short text can be guessed from its hash.
    """
    if content == "full":
        return dict(body)
    settings = {
        name: _without_stop_sequences(part) for name, part in body.items() if name in _SETTINGS
    }
    if content == "metadata":
        return settings
    hashes = {
        name: _hash_member(name, part) for name, part in body.items() if name not in _SETTINGS
    }
    return settings | hashes


def json_default(value: object) -> str:
    """The ``default`` of ``json.dumps``: bytes (images, redacted reasoning) as base64, as AWS sends them."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _without_stop_sequences(setting: object) -> object:
    """A setting without its stop sequences, the only free text among the settings."""
    if not isinstance(setting, dict):
        return setting
    return {name: value for name, value in setting.items() if name != "stopSequences"}


def _hash_member(name: str, member: Any) -> Any:  # noqa: ANN401 - JSON
    if name == "messages":
        return [_hash_turn(turn) for turn in member]
    if name == "system":
        return [_hash(block) for block in member]
    if name == "output":
        return {"message": _hash_turn(member["message"])}
    return _hash(member)


def _hash_turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    role = {"role": turn["role"]} if turn.get("role") in _ROLES else {}
    return {**role, "content": [_hash(block) for block in turn.get("content", ())]}


def _hash(block: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    text = block["text"] if isinstance(block, dict) and block.keys() == {"text"} else None
    if not isinstance(text, str):
        text = json.dumps(block, separators=(",", ":"), sort_keys=True, default=json_default)
    data = text.encode("utf-8", "replace")
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
