"""A streamed answer: passed on event by event, and put together as Converse would have given it.

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
    """An event stream that tells, once, how it ended.

    ``ended`` gets whether ``answer`` is whole, and the error that cut it.
    """

    def __init__(
        self,
        events: EventStream[Any],
        ended: Callable[[bool, BaseException | None], None],
        first_token: Callable[[], None],
    ) -> None:
        self._events = events
        self._ended = ended
        self._first_token = first_token
        self.answer = StreamedAnswer()
        self._over = False
        self._spoken = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Pass every event on; a broken connection or an error event ends the call as failed."""
        try:
            for event in self._events:
                if not self._spoken and _CONTENT & event.keys():
                    self._spoken = True
                    self._first_token()
                self.answer.add(event)
                yield event
        except Exception as error:
            self._end(error)
            raise
        self._end(None)

    def close(self) -> None:
        """Stop reading; a reader that leaves early ends the call as incomplete."""
        self._events.close()
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if not self._over:
            self._over = True
            self._ended(self.answer.whole, error)


class StreamedAnswer:
    """The events of one answer, folded into the shape Converse answers in.

    It can be looked at while it grows: a sweep of open calls does so from another thread.
    """

    def __init__(self) -> None:
        self.empty = True
        self._lock = threading.Lock()
        self._role = "assistant"
        self._blocks: dict[int, dict[str, Any]] = {}
        self._rest: dict[str, Any] = {}

    @property
    def whole(self) -> bool:
        """Whether Bedrock's last two events came: why it stopped, and what it counted."""
        return {"stopReason", "usage"} <= self._rest.keys()

    def add(self, event: dict[str, Any]) -> None:
        """Take in one event; an unknown kind is passed over, it holds no text of the answer."""
        with self._lock:
            self.empty = False
            for kind, part in event.items():
                if kind == "messageStart":
                    self._role = part["role"]
                elif kind in _CONTENT:
                    block = self._blocks.setdefault(part["contentBlockIndex"], {})
                    _fold(block, part.get("start") or part.get("delta") or {})
                elif kind in {"messageStop", "metadata"}:
                    self._rest.update(part)

    def assembled(self) -> dict[str, Any]:
        """The answer so far; empty when nothing came."""
        if self.empty:
            return {}
        with self._lock:
            content = [_as_converse(self._blocks[index]) for index in sorted(self._blocks)]
            return {"output": {"message": {"role": self._role, "content": content}}, **self._rest}


def _fold(block: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, piece in delta.items():
        if isinstance(piece, dict):
            _fold(block.setdefault(name, {}), piece)
        elif isinstance(piece, (str, bytes)) and name in block:
            block[name] += piece
        else:
            block[name] = piece


def _as_converse(block: dict[str, Any]) -> dict[str, Any]:
    """A tool's input arrives as pieces of JSON text and reasoning without its inner name."""
    if "toolUse" in block:
        tool = dict(block["toolUse"])
        # A stream cut half way leaves half a document; it is kept as it came.
        with suppress(json.JSONDecodeError):
            tool["input"] = json.loads(tool.get("input") or "{}")
        return {**block, "toolUse": tool}
    reasoning = block.get("reasoningContent", {})
    if "text" in reasoning:
        return {**block, "reasoningContent": {"reasoningText": reasoning}}
    return block
