"""Lambda's Runtime API 2018-06-01 for one execution environment, on loopback.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. The runtime interface client gets
the next event and posts its result; the owner of this object receives each request as a signal.
"""

from __future__ import annotations

import queue
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.localaws.call import Response
from tools.localaws.http_server import DropConnectionError, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.core.request import Request

# 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), and 100 bytes more
# according to Lambda's own error message.
RESPONSE_BYTES = 6 * 1024 * 1024 + 100

_PATH = re.compile(
    r"/2018-06-01/runtime/(?:invocation/(?P<id>[^/]+)/(?P<end>response|error)|(?P<init>init/error))"
)
_NEXT = "/2018-06-01/runtime/invocation/next"
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Ready:
    """The runtime asks for the next event, so the last invocation or the initialization is over."""


@dataclass(frozen=True)
class Result:
    """The function's answer, or its error (``failed``)."""

    request_id: str
    body: bytes = field(repr=False)
    failed: bool


@dataclass(frozen=True)
class InitFailed:
    """The handler could not be loaded."""

    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Exited:
    """The process has ended; a negative ``code`` is a signal, as in subprocess."""

    code: int


Signal = Ready | Result | InitFailed | Exited


class RuntimeApi:
    """Serves one runtime; ``signals`` holds its requests in order."""

    def __init__(self) -> None:
        self.signals: queue.Queue[Signal] = queue.Queue()
        self._events: queue.Queue[Response | None] = queue.Queue()
        self._server = LoopbackServer()
        self._server.start(self._answer)

    @property
    def address(self) -> str:
        """AWS_LAMBDA_RUNTIME_API: host and port."""
        return self._server.address

    def send(self, payload: bytes, headers: Mapping[str, str]) -> None:
        """Answer the runtime's request for the next event; ``headers`` are the Runtime API's."""
        self._events.put(Response(200, payload, {**_JSON, **headers}))

    def close(self) -> None:
        """Stop serving; a runtime that still waits loses its connection."""
        self._events.put(None)
        self._server.stop()

    def _answer(self, request: Request) -> Response:
        """Wait for the next event, or receive a result, an error or the failure to load the handler."""
        if (request.method, request.path) == ("GET", _NEXT):
            self.signals.put(Ready())
            event = self._events.get()
            if event is None:
                raise DropConnectionError
            return event
        path, body = _PATH.fullmatch(request.path), request.get_data()
        if request.method != "POST" or path is None:
            return Response(404, b"{}", _JSON)
        if path["init"]:
            self.signals.put(InitFailed(body))
        elif path["end"] == "response" and len(body) > RESPONSE_BYTES:
            self.signals.put(_too_large(path["id"], len(body)))
            return Response(413, b"{}", _JSON)
        else:
            self.signals.put(Result(path["id"], body, path["end"] == "error"))
        return Response(202, b'{"status":"OK"}', _JSON)


def _too_large(request_id: str, size: int) -> Result:
    message = (
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
        f"({RESPONSE_BYTES} bytes)."
    )
    body = f'{{"errorMessage":"{message}","errorType":"Function.ResponseSizeTooLarge"}}'
    return Result(request_id, body.encode(), failed=True)
