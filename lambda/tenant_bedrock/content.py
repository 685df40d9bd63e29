"""How much of a prompt and an answer a record holds: all of it, its hashes, or nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Content = Literal["full", "metadata", "hashed"]

# The members of Converse's request and answer that choose or measure and never quote. A member AWS
# adds later counts as content until it is named here:
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


def shown(body: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """A Converse request or answer as a record may hold it.

    ``metadata`` keeps settings and counts only. ``hashed`` also puts ``{"sha256", "bytes"}`` in
    place of each content block: of a text's UTF-8, or of the block's JSON with sorted keys. Whoever
    has a text can show that it was sent; whoever guesses a short one can too.
    """
    if content == "full":
        return dict(body)
    kept = {name: _without_text(member) for name, member in body.items() if name in _SETTINGS}
    if content == "metadata":
        return kept
    hashes = {name: _hashed(name, part) for name, part in body.items() if name not in _SETTINGS}
    return kept | hashes


def plain(value: object) -> str:
    """For ``json.dumps``: images and redacted reasoning are bytes; on the wire they are base64."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _without_text(setting: object) -> object:
    """A setting without the one text that a caller writes freely: where the answer is to stop."""
    if not isinstance(setting, dict):
        return setting
    return {name: value for name, value in setting.items() if name != "stopSequences"}


def _hashed(name: str, member: Any) -> Any:  # noqa: ANN401 - JSON
    if name == "messages":
        return [_turn(turn) for turn in member]
    if name == "system":
        return [_hash(block) for block in member]
    if name == "output":
        return {"message": _turn(member["message"])}
    return _hash(member)


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    role = {"role": turn["role"]} if turn.get("role") in _ROLES else {}
    return {**role, "content": [_hash(block) for block in turn.get("content", ())]}


def _hash(block: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    text = block["text"] if isinstance(block, dict) and block.keys() == {"text"} else None
    if not isinstance(text, str):
        text = json.dumps(block, separators=(",", ":"), sort_keys=True, default=plain)
    data = text.encode("utf-8", "replace")
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
