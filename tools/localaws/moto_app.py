"""Moto's server application, called as a function."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from tools.localaws.call import Response

if TYPE_CHECKING:
    from tools.localaws.http_server import HttpRequest


class Moto:
    """Moto, without a web server of its own."""

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)

    def answer(self, request: HttpRequest, account: str) -> Response:
        """Let moto serve an authorized request in ``account``, which may differ from the signer's."""
        head: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            head.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))

        chunks = self._application(environ(request, account), start_response)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        return Response(status=head["status"], body=body, headers=head["headers"])


def environ(request: HttpRequest, account: str) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of a request, with the header that selects moto's account."""
    names = {
        environ_key_for_header(name): name
        for name in request.headers
        if should_preserve_original_header_name(name)
    }
    headers = {
        environ_key_for_header(name): value
        for name, value in request.headers.items()
        if name.lower() != "transfer-encoding"
    }
    headers["HTTP_X_MOTO_ACCOUNT_ID"] = account
    headers["CONTENT_LENGTH"] = str(len(request.body))
    host = headers.get("HTTP_HOST", "127.0.0.1")
    return {
        **headers,
        PRESERVED_HEADER_NAMES_ENVIRON_KEY: names,
        "PATH_INFO": unquote(request.path, encoding="latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": request.target,
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": request.method,
        "REQUEST_URI": request.target,
        "SCRIPT_NAME": "",
        "SERVER_NAME": host.partition(":")[0],
        "SERVER_PORT": host.partition(":")[2] or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.errors": io.StringIO(),
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.multiprocess": False,
        "wsgi.multithread": True,
        "wsgi.run_once": False,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
    }
