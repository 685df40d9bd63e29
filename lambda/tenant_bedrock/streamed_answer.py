"""A streamed answer, assembled from its events into the shape of Converse's answer.

Events and their order: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Any

CONTENT_EVENTS = frozenset({"contentBlockStart", "contentBlockDelta"})


class StreamedAnswer:
    """The events of one answer, assembled into the shape of Converse's answer.

    Another thread may read it while it grows, to record an open call.
    """

    def __init__(self) -> None:
        self._is_empty = True
        self._lock = threading.Lock()
        self._role = "assistant"
        self._blocks: dict[int, dict[str, Any]] = {}
        self._rest: dict[str, Any] = {}

    @property
    def is_complete(self) -> bool:
        """Whether Bedrock's last two events have arrived: the stop reason and the usage."""
        return {"stopReason", "usage"} <= self._rest.keys()

    def add(self, event: dict[str, Any]) -> None:
        """Add one event; events of other kinds hold nothing of the answer."""
        with self._lock:
            self._is_empty = False
            for kind, part in event.items():
                if kind == "messageStart":
                    self._role = part["role"]
                elif kind in CONTENT_EVENTS:
                    block = self._blocks.setdefault(part["contentBlockIndex"], {})
                    _merge(block, part.get("start") or part.get("delta") or {})
                elif kind in {"messageStop", "metadata"}:
                    self._rest.update(part)

    def assembled(self) -> dict[str, Any]:
        """The answer so far; empty before the first event."""
        if self._is_empty:
            return {}
        with self._lock:
            content = [_as_converse(self._blocks[index]) for index in sorted(self._blocks)]
            return {"output": {"message": {"role": self._role, "content": content}}, **self._rest}


def _merge(block: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, piece in delta.items():
        if isinstance(piece, dict):
            _merge(block.setdefault(name, {}), piece)
        elif isinstance(piece, (str, bytes)) and name in block:
            block[name] += piece
        else:
            block[name] = piece


def _as_converse(block: dict[str, Any]) -> dict[str, Any]:
    """Parse a tool's input, which arrives as JSON text, and add the inner name of reasoning."""
    if "toolUse" in block:
        tool_use = dict(block["toolUse"])
        # An interrupted stream leaves JSON that is not complete; it is kept as text.
        with suppress(json.JSONDecodeError):
            tool_use["input"] = json.loads(tool_use.get("input") or "{}")
        return {**block, "toolUse": tool_use}
    reasoning = block.get("reasoningContent", {})
    if "text" in reasoning:
        return {**block, "reasoningContent": {"reasoningText": reasoning}}
    return block
