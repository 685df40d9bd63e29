"""A small HTTP/1.1 server on loopback: keep-alive, streamed responses, a clean stop.

Werkzeug's own server closes the connection after each response, so tests could not see how the
product reuses connections.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from moto.core.request import Request
from werkzeug.serving import DechunkedInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tools.localaws.call import Response

LOOPBACK = "127.0.0.1"


class DropConnectionError(Exception):
    """Raised to break the connection instead of sending a response."""


class _Handler(BaseHTTPRequestHandler):
    """Reads requests from a connection, one after another, and writes the responses."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: LoopbackServer

    def _answer(self) -> None:
        url = f"http://{self.server.address}{self.path}"
        request = Request.from_primitives(self.command, url, self.headers, self._read_body())
        request.get_data()  # caches the body, which parsing a form would otherwise consume
        try:
            self._write(self.server.answer(request))
        except DropConnectionError:
            self._break()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _answer  # noqa: N815

    def handle_expect_100(self) -> bool:
        """Request the body immediately: S3 clients wait up to a second for this before they send it."""
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return DechunkedInput(self.rfile).read()  # type: ignore[arg-type]
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name.lower() not in ("connection", "content-length", "date", "transfer-encoding"):
                self.send_header(name, value)
        if isinstance(response.body, bytes):
            self._write_whole(response.body, response.headers)
        else:
            self._write_stream(response.body)
        self.wfile.flush()

    def _write_whole(self, body: bytes, headers: Mapping[str, str]) -> None:
        # The response to HEAD has the length of the body that GET would return.
        get_length = {name.lower(): value for name, value in headers.items()}.get("content-length")
        length = get_length if self.command == "HEAD" and get_length else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _write_stream(self, chunks: Iterable[bytes]) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for chunk in chunks:
            if chunk:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _break(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date of a response, by the clock of the local AWS."""
        return super().date_time_string(timestamp or self.server.now().timestamp())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: the trail records every call."""


class LoopbackServer(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 once constructed, and answers once started."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.answer: Callable[[Request], Response]
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="loopback-server")
        self._open = True

    @property
    def address(self) -> str:
        """The host and port on which it listens."""
        return f"{LOOPBACK}:{self.server_address[1]}"

    def start(self, answer: Callable[[Request], Response]) -> None:
        """Start answering with ``answer``, which is called on one thread per connection."""
        self.answer = answer
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, wait for the listener to end, and break all open connections."""
        self._open = False
        with contextlib.suppress(OSError):
            socket.create_connection((LOOPBACK, self.server_port)).close()  # wakes ``_accept``
        self._thread.join()
        self.server_close()
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        """Accept connections until ``stop``, without polling."""
        while self._open:
            self.handle_request()

    def process_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        """Remember the connection so that ``stop`` can break it."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Remove a connection that has ended."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that disconnected; report any other error, which is a bug of the local AWS."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]
