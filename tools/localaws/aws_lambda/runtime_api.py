"""Lambda's Runtime API 2018-06-01 for one execution environment, on loopback.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. The runtime interface client gets
the next event and posts its result; the owner of this object receives each request as a signal.
"""

from __future__ import annotations

import contextlib
import queue
import re
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tools.localaws.http_server import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

# 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), and 100 bytes more
# according to Lambda's own error message.
RESPONSE_BYTES = 6 * 1024 * 1024 + 100

_PATH = re.compile(
    r"/2018-06-01/runtime/(?:invocation/(?P<id>[^/]+)/(?P<end>response|error)|(?P<init>init/error))"
)
_NEXT = "/2018-06-01/runtime/invocation/next"


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


@dataclass(frozen=True)
class Event:
    """An event for the runtime; ``headers`` are the Runtime API's."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class RuntimeApi:
    """Serves one runtime; ``signals`` holds its requests in order."""

    def __init__(self) -> None:
        self.signals: queue.Queue[Signal] = queue.Queue()
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.accept, name="runtime-api")
        self._thread.start()

    @property
    def address(self) -> str:
        """AWS_LAMBDA_RUNTIME_API: host and port."""
        return f"{LOOPBACK}:{self._server.server_address[1]}"

    def send(self, event: Event) -> None:
        """Answer the runtime's request for the next event."""
        self._events.put(event)

    def wait_for_event(self) -> Event | None:
        """Wait for the next event, in a thread of the server; None when the environment is closing."""
        return self._events.get()

    def close(self) -> None:
        """Stop serving; a runtime that still waits loses its connection."""
        self._events.put(None)
        self._server.stop()
        # Join before closing: poll looks up its descriptor again when it wakes, and after a close
        # the number may belong to another socket, on which it would wait forever.
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024  # one write for head and body: a second one would wait for the delayed ACK
    server: _Server

    def do_GET(self) -> None:
        """Wait for the next event."""
        if self.path != _NEXT:
            return self._send(404, b"{}")
        self.server.api.signals.put(Ready())
        event = self.server.api.wait_for_event()
        if event is None:
            self.close_connection = True
            return None
        return self._send(200, event.body, event.headers)

    def do_POST(self) -> None:
        """Receive a result, an error, or the failure to load the handler."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = _PATH.fullmatch(self.path)
        if path is None:
            return self._send(404, b"{}")
        if path["init"]:
            self.server.api.signals.put(InitFailed(body))
        elif path["end"] == "response" and len(body) > RESPONSE_BYTES:
            self.server.api.signals.put(_too_large(path["id"], len(body)))
            return self._send(413, b"{}")
        else:
            self.server.api.signals.put(Result(path["id"], body, path["end"] == "error"))
        return self._send(202, b'{"status":"OK"}')

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.api = api
        self._open = True

    def accept(self) -> None:
        """Accept connections until ``stop``, without polling."""
        while self._open:
            self.handle_request()

    def stop(self) -> None:
        """End ``accept``; the socket stays open until ``accept`` has returned."""
        self._open = False
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore the error: a killed runtime breaks its connection."""


def _too_large(request_id: str, size: int) -> Result:
    message = (
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
        f"({RESPONSE_BYTES} bytes)."
    )
    body = f'{{"errorMessage":"{message}","errorType":"Function.ResponseSizeTooLarge"}}'
    return Result(request_id, body.encode(), failed=True)
