"""A stream of events that is watched while it is passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenant_bedrock.streamed_answer import CONTENT_EVENTS, StreamedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.eventstream import EventStream


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
                if not self._has_content and CONTENT_EVENTS & event.keys():
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
