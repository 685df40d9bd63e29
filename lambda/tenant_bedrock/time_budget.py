"""The time that an invocation leaves for requests to AWS, applied to the clients of a connection.

botocore's timeouts are no limit for a whole request: each attempt, each address and each read has
its own, and none covers the resolution of the host's name.
"""

from __future__ import annotations

import math
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import ref

from tenant_bedrock.deadline import Deadline
from tenant_bedrock.errors import OutOfTimeError
from tenant_bedrock.invocation import Invocation
from tenant_bedrock.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.client import BaseClient
    from urllib3 import BaseHTTPResponse


class TimeBudget:
    """Refuses and gives up the requests that would not be over before the invocation's end.

    Outside of an invocation there is no limit. One budget serves one connection, which serves one
    invocation at a time, as Lambda does.
    """

    def __init__(self) -> None:
        self._invocation = Invocation()
        self.start_anew()

    def start_anew(self) -> None:
        """Leave the streams and the threads to the process that this one was forked from."""
        self._workers = Workers()
        self._streams: list[ref[BaseHTTPResponse]] = []
        self._deadline = Deadline(self._interrupt_streams)

    @contextmanager
    def during(self, invocation: Invocation) -> Iterator[None]:
        """Limit the requests in the block to the time of ``invocation``."""
        outer, self._invocation = self._invocation, invocation
        self._streams = [stream for stream in self._streams if stream() is not None]
        try:
            yield
        finally:
            self._invocation = outer
            self._deadline.set(outer.answer_by if self._streams else math.inf)

    def seconds_to_answer(self) -> float:
        """Seconds until requests are given up; infinite outside of an invocation."""
        return self._invocation.seconds_to_answer()

    def seconds_to_wait(self) -> float:
        """Seconds that a request may wait for its turn and still have time for an answer."""
        return self._invocation.seconds_to_answer() - self._invocation.least_seconds

    def register(self, client: BaseClient) -> None:
        """Apply the budget to all requests of ``client``; OutOfTimeError is raised to its callers."""
        service = client.meta.service_model.service_id.hyphenize()
        events = client.meta.events
        events.register_first(f"provide-client-params.{service}", self._refuse_late_request)
        # The stubs do not know that this event's handlers return a value.
        events.register_first(f"needs-retry.{service}", self._refuse_late_retry)  # type: ignore[arg-type]
        endpoint: Any = client._endpoint  # type: ignore[attr-defined]  # noqa: SLF001 - no event limits the sending itself
        endpoint.http_session = _LimitedSession(endpoint.http_session, self)

    def run(self, send: Callable[[], AWSResponse], *, is_stream: bool) -> AWSResponse:
        """Send a request and return its response; raises OutOfTimeError when the time is over."""
        seconds = self.seconds_to_answer()
        if seconds == math.inf:
            return send()
        response = self._workers.run(seconds, send, _out_of_time)
        if is_stream:
            self._streams.append(ref(response.raw))
            self._deadline.set(self._invocation.answer_by)
        return response

    def _refuse_late_request(self, **_: object) -> None:
        """Raise OutOfTimeError before anything is sent."""
        if not self._invocation.has_time():
            raise OutOfTimeError(
                "The invocation is nearly over, so the request was not sent. Give the function a "
                "longer timeout, or send fewer or shorter calls in one invocation."
            )

    def _refuse_late_retry(self, **_: object) -> bool | None:
        """False to stop a retry, so that botocore raises the error of the last attempt.

        The pause before a retry takes up to a second, as long as a request needs:
        https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
        """
        return None if self._invocation.has_time(requests=2) else False

    def _interrupt_streams(self) -> None:
        """End the reads of answers that are still being streamed, in whichever thread they are."""
        for stream in list(self._streams):
            response = stream()
            if response is not None:
                with suppress(OSError, RuntimeError, ValueError):  # it has ended by itself
                    response.shutdown()


class _LimitedSession:
    """botocore's HTTP session, whose ``send`` returns or raises within the budget."""

    def __init__(self, session: Any, budget: TimeBudget) -> None:  # noqa: ANN401 - botocore's
        self._session = session
        self._budget = budget

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send the request, as ``URLLib3Session.send`` does."""
        return self._budget.run(
            lambda: self._session.send(request), is_stream=bool(request.stream_output)
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _out_of_time() -> OutOfTimeError:
    return OutOfTimeError(
        "There was no answer before the invocation's end, so the request was given up. It may have "
        "been served and paid for. Give the function a longer timeout, or ask for a shorter answer."
    )
