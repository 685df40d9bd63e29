"""A streamed answer, assembled from its events into the shape of Converse's answer.

Events and their order: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

from __future__ import annotations

import threading
from itertools import chain
from typing import Any

from tenant_bedrock import json_text

_CONTENT_EVENTS = frozenset({"contentBlockStart", "contentBlockDelta"})
_LAST_EVENTS = frozenset({"messageStop", "metadata"})
# Structures of a delta that continue those of earlier deltas are at most three levels deep, such as
# image.source.s3Location; what is deeper is a document of the model's and is kept as it came.
_MERGED_LEVELS = 4

_Node = Any  # the merged members of a structure as a dict, or the list of the pieces of a member


class StreamedAnswer:
    """The events of one answer, assembled into the shape of Converse's answer.

    Another thread may read it while it grows, to record an open call.
    """

    metrics = None  # the answer itself has its tokens and its latency

    def __init__(self) -> None:
        self._is_empty = True
        self._is_complete = False
        self._lock = threading.Lock()
        self._role = "assistant"
        self._blocks: dict[int, dict[str, _Node]] = {}
        self._rest: dict[str, Any] = {}

    @property
    def is_complete(self) -> bool:
        """Whether the whole message has arrived; only its usage and metrics may still follow.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html
        """
        return self._is_complete

    def holds_content(self, event: dict[str, Any]) -> bool:
        """Whether an event holds something of the answer itself."""
        return not _CONTENT_EVENTS.isdisjoint(event)

    def add(self, event: dict[str, Any]) -> None:
        """Add one event; never raises, and ignores kinds that hold nothing of the answer."""
        with self._lock:
            self._is_empty = False
            for kind, part in event.items() if isinstance(event, dict) else ():
                if not isinstance(part, dict):
                    continue
                if kind == "messageStart":
                    self._role = part.get("role", self._role)
                elif kind in _CONTENT_EVENTS:
                    self._add_content(part)
                elif kind in _LAST_EVENTS:
                    self._rest.update(part)
                self._is_complete = self._is_complete or kind == "messageStop"

    def assembled(self) -> dict[str, Any]:
        """The answer so far; empty before the first event."""
        if self._is_empty:
            return {}
        with self._lock:
            content = [_as_converse(self._blocks[index]) for index in sorted(self._blocks)]
            return {"output": {"message": {"role": self._role, "content": content}}, **self._rest}

    def _add_content(self, part: dict[str, Any]) -> None:
        index = part.get("contentBlockIndex")
        block = self._blocks.setdefault(index if isinstance(index, int) else 0, {})
        for member in (part.get("start"), part.get("delta")):
            if isinstance(member, dict):
                for name, piece in member.items():
                    _add_member(block, name, piece)


def _add_member(block: dict[str, _Node], name: str, piece: object) -> None:
    """Add a member of ContentBlockStart or ContentBlockDelta to its block."""
    if name == "citation":  # each one is a citation of its own
        _merge(block, name, [piece], 0)
    elif isinstance(piece, list):  # toolResult: the start is a structure, the deltas its content
        _merge(block, name, {"content": piece}, _MERGED_LEVELS)
    else:
        _merge(block, name, piece, _MERGED_LEVELS)


def _merge(node: dict[str, _Node], name: str, piece: object, levels: int) -> None:
    """Add a piece of a member: a structure is merged, and of anything else all pieces are kept."""
    former = node.setdefault(name, {} if isinstance(piece, dict) and levels else [])
    if isinstance(former, dict) and isinstance(piece, dict):
        for inner, value in piece.items():
            _merge(former, inner, value, levels - 1)
    elif isinstance(former, dict):
        node[name] = [_joined(former), piece]
    else:
        former.append(piece)


def _joined(node: _Node) -> Any:  # noqa: ANN401 - JSON
    """The value of a member: texts, bytes and lists are joined; of other kinds the pieces remain."""
    if isinstance(node, dict):
        return {name: _joined(member) for name, member in node.items()}
    if all(isinstance(piece, str) for piece in node):
        return "".join(node)
    if all(isinstance(piece, bytes) for piece in node):
        return b"".join(node)
    if all(isinstance(piece, list) for piece in node):
        return list(chain.from_iterable(node))
    return node[0] if len(node) == 1 else list(node)


def _as_converse(block: dict[str, _Node]) -> dict[str, Any]:
    """A merged block under the names of ContentBlock, which differ for four kinds."""
    joined: dict[str, Any] = _joined(block)
    tool_use = joined.get("toolUse")
    if isinstance(tool_use, dict) and isinstance(text := tool_use.get("input") or "{}", str):
        try:
            tool_use["input"] = json_text.loads(text)
        except (TypeError, ValueError):  # an interrupted stream leaves JSON that is not complete
            tool_use["input"] = json_text.unescaped(text)
    if isinstance(reasoning := joined.get("reasoningContent"), dict):
        joined["reasoningContent"] = _reasoning(reasoning)
    if "citation" in joined:
        joined = _with_citations(joined)
    return joined


def _reasoning(pieces: dict[str, Any]) -> dict[str, Any]:
    """ReasoningContentBlock: the text is required there, and empty if only a signature came."""
    redacted = {name: part for name, part in pieces.items() if name == "redactedContent"}
    text = {name: part for name, part in pieces.items() if name != "redactedContent"}
    return ({"reasoningText": {"text": "", **text}} if text else {}) | redacted


def _with_citations(block: dict[str, Any]) -> dict[str, Any]:
    """CitationsContentBlock: the generated text and its citations."""
    rest = {name: part for name, part in block.items() if name not in {"citation", "text"}}
    content = {"content": [{"text": block["text"]}]} if "text" in block else {}
    return {**rest, "citationsContent": {**content, "citations": block["citation"]}}
