"""A streamed answer: its events are passed on and assembled into Converse's answer.

Events and their order: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.eventstream import EventStream

_CONTENT = frozenset({"contentBlockStart", "contentBlockDelta"})


class WatchedStream:
    """An event stream that reports its first content and, exactly once, its end.

    ``on_end`` receives whether ``answer`` is complete, and the error that interrupted the stream.
    """

    def __init__(
        self,
        events: EventStream[Any],
        on_end: Callable[[bool, BaseException | None], None],
        on_first_token: Callable[[], None],
    ) -> None:
        self._events = events
        self._on_end = on_end
        self._on_first_token = on_first_token
        self.answer = StreamedAnswer()
        self._has_ended = False
        self._has_content = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield every event; a broken connection or an error event ends the call with an error."""
        try:
            for event in self._events:
                if not self._has_content and _CONTENT & event.keys():
                    self._has_content = True
                    self._on_first_token()
                self.answer.add(event)
                yield event
        except Exception as error:
            self._end(error)
            raise
        self._end(None)

    def close(self) -> None:
        """Stop reading; an answer that is not complete by then is recorded as incomplete."""
        self._events.close()
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._on_end(self.answer.is_complete, error)


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
                elif kind in _CONTENT:
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
