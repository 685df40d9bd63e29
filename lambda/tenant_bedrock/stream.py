"""A stream of events that is watched while it is passed on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn, Self

from botocore.eventstream import EventStream, NoInitialResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


class WatchedStream(EventStream):  # type: ignore[type-arg]  # generic in the stubs alone
    """Passes on the events of one call and reports its first content and its end.

    Instrumentation looks for botocore's class, so this one derives from it and uses none of its
    attributes. OpenTelemetry's proxy writes its own attributes into the object that it wraps, so
    the attributes here are private to the class.

    Converse's answer is over at ``messageStop``; the metadata that follows has only its usage. Both are
    passed on after the record has been written, so nobody receives a whole answer without a record.
    """

    def __init__(  # without botocore's, which would begin to read
        self,
        source: EventSource,
        answer: StreamedAnswer | NativeStreamedAnswer,
        lease: Lease,
        recorder: Recorder,
    ) -> None:
        self.__source = source
        self.__lease = lease
        self.__recorder = recorder
        self.__answer = answer
        self.__is_over = False
        self.__after_end: deque[Event] = deque()
        call = lease.call
        call.source = source
        call.stream = self.__answer

    def __iter__(self) -> Iterator[Event]:
        """The stream is its own iterator, as botocore's can be read only once."""
        return self

    def __next__(self) -> Event:
        """The next event; a broken connection or an error event ends the call with an error."""
        if self.__after_end:
            return self.__after_end.popleft()
        if self.__is_over:
            raise StopIteration
        event = self.__read()
        if self.__answer.is_complete:
            self.__is_over = True
            self.__read_to_end()
            self.__recorder.finish(self.__lease.call, "end")
        return event

    def get_initial_response(self) -> NoReturn:
        """Raise NoInitialResponseError, as botocore does for Bedrock's streams, which have none."""
        raise NoInitialResponseError

    def close(self) -> None:
        """Stop reading; an answer that is not complete by then is recorded as incomplete.

        The garbage collector may call this too, so the delivery thread closes the connection.
        """
        if self.__lease.call.source is not None:
            self.__lease.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __read(self) -> Event:
        call = self.__lease.call
        try:
            event = self.__source.read()
        except StopIteration:
            self.__recorder.finish(call, "end" if self.__answer.is_complete else "incomplete")
            raise
        except Exception as error:
            call.error = error
            self.__recorder.finish(call, "error")
            raise
        except BaseException:
            self.__lease.end()
            raise
        if call.first_token_ms is None and self.__answer.holds_content(event):
            call.first_token_ms = call.elapsed_ms()
        self.__add(event)
        return event

    def __add(self, event: Event) -> None:
        self.__answer.add(event)
        self.__lease.call.metrics = self.__answer.metrics

    def __read_to_end(self) -> None:
        """Read what follows the end of the answer; an error there costs its usage, not the answer."""
        try:
            while True:
                event = self.__source.read()
                self.__add(event)
                self.__after_end.append(event)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - the record names it
            self.__lease.call.error = error
        except BaseException:
            self.__lease.end()
            raise
