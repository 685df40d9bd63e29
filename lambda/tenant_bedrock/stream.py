"""A stream of events that is watched while it is passed on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.eventstream import EventStream
    from urllib3 import BaseHTTPResponse

    from tenant_bedrock.lease import Lease
    from tenant_bedrock.native_answer import NativeStreamedAnswer
    from tenant_bedrock.recorder import Recorder
    from tenant_bedrock.streamed_answer import StreamedAnswer

Event = dict[str, Any]


class EventSource:
    """Bedrock's event stream, the iterator over it and the response that both read.

    The call holds it until it is closed, so that the garbage collector does not give the connection
    back: that takes a lock of urllib3's, which the interrupted thread may hold.
    """

    def __init__(self, events: EventStream[Any], response: BaseHTTPResponse) -> None:
        self._events = events
        self._response = response
        self._iterator = iter(events)

    def read(self) -> Event:
        """Read the next event; raises StopIteration at the end."""
        event: Event = next(self._iterator)
        return event

    def close(self) -> None:
        """Close the connection to Bedrock unless the stream has been read to its end."""
        self._events.close()
        self._response.release_conn()


class WatchedStream:
    """Passes on the events of one call and reports its first content and its end.

    Converse's answer is over at ``messageStop``; the metadata that follows has only its usage. Both are
    passed on after the record has been written, so nobody receives a whole answer without a record.
    """

    def __init__(
        self,
        source: EventSource,
        answer: StreamedAnswer | NativeStreamedAnswer,
        lease: Lease,
        recorder: Recorder,
    ) -> None:
        self._source = source
        self._lease = lease
        self._recorder = recorder
        self._answer = answer
        self._is_over = False
        self._after_end: deque[Event] = deque()
        call = lease.call
        call.source = source
        call.stream = self._answer

    def __iter__(self) -> Iterator[Event]:
        """The stream is its own iterator, as botocore's can be read only once."""
        return self

    def __next__(self) -> Event:
        """The next event; a broken connection or an error event ends the call with an error."""
        if self._after_end:
            return self._after_end.popleft()
        if self._is_over:
            raise StopIteration
        event = self._read()
        if self._answer.is_complete:
            self._is_over = True
            self._read_to_end()
            self._recorder.finish(self._lease.call, "end")
        return event

    def close(self) -> None:
        """Stop reading; an answer that is not complete by then is recorded as incomplete.

        The garbage collector may call this too, so the delivery thread closes the connection.
        """
        if self._lease.call.source is not None:
            self._lease.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> Event:
        call = self._lease.call
        try:
            event = self._source.read()
        except StopIteration:
            self._recorder.finish(call, "end" if self._answer.is_complete else "incomplete")
            raise
        except Exception as error:
            call.error = error
            self._recorder.finish(call, "error")
            raise
        except BaseException:
            self._lease.end()
            raise
        if call.first_token_ms is None and self._answer.holds_content(event):
            call.first_token_ms = call.elapsed_ms()
        self._add(event)
        return event

    def _add(self, event: Event) -> None:
        self._answer.add(event)
        self._lease.call.metrics = self._answer.metrics

    def _read_to_end(self) -> None:
        """Read what follows the end of the answer; an error there costs its usage, not the answer."""
        try:
            while True:
                event = self._source.read()
                self._add(event)
                self._after_end.append(event)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - the record names it
            self._lease.call.error = error
        except BaseException:
            self._lease.end()
            raise
