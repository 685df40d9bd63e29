"""Moto's server application, called as a function."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from moto.iam.access_control import PermissionResult
from moto.iam.models import IAMBackend, Role
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket
from werkzeug.wrappers import Response as WerkzeugResponse

from tools.localaws.call import Response

if TYPE_CHECKING:
    from moto.core.request import Request


class Moto:
    """Moto, without a web server of its own."""

    def __init__(self) -> None:
        # moto evaluates a bucket's policy without its conditions, and the call is authorized already.
        FakeBucket.get_permission = lambda *_: PermissionResult.PERMITTED  # type: ignore[method-assign]
        # moto walks through its roles for each call, while another thread may make one.
        IAMBackend.get_roles = _roles  # type: ignore[assignment,method-assign]
        self._application = DomainDispatcherApplication(create_backend_app)

    def answer(self, request: Request, account: str) -> Response:
        """Let moto serve an authorized request in ``account``, which may differ from the signer's."""
        environ = {
            **request.environ,
            "HTTP_X_MOTO_ACCOUNT_ID": account,  # the header that selects moto's account
            "wsgi.input": io.BytesIO(request.get_data()),
        }
        response = WerkzeugResponse.from_app(self._application, environ, buffered=True)
        return Response(response.status_code, response.get_data(), dict(response.headers))


def _roles(iam: IAMBackend) -> list[Role]:
    return list(iam.roles.values())
