"""The Bedrock clients of one connection, one for each Region."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from tenant_bedrock import aws_sessions, botocore_hooks, call_limits, errors, stream_errors

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.aws_sessions import Sessions
    from tenant_bedrock.delivery import Delivery
    from tenant_bedrock.recorder import Recorder
    from tenant_bedrock.request_rate import RequestRate
    from tenant_bedrock.settings import Settings


class BedrockClients:
    """Makes each client on first use, with the limits of the stanza and the hooks of the recorder."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        recorder: Recorder,
        delivery: Delivery,
        rate: RequestRate | None,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._recorder = recorder
        self._delivery = delivery
        self._rate = rate
        self._clients: dict[str, BedrockRuntimeClient] = {}
        self._lock = threading.Lock()
        recorder.renewals.append(self._renew)

    def client(self, region: str) -> BedrockRuntimeClient:
        """The client of a Region; the first of all assumes the role.

        Raises RoleRefusedError, ThrottledError or ModelFailedError if STS issues no keys.
        """
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._new_client(region)
            return self._clients[region]

    def _new_client(self, region: str) -> BedrockRuntimeClient:
        try:
            client = self._sessions.bedrock(region)
        except (BotoCoreError, ClientError) as error:
            raise errors.from_assume_role(error) from None
        call_limits.register(client, self._settings)
        stream_errors.register(client, self._sessions.budget)
        botocore_hooks.register(client, self._recorder, self._rate)
        vars(client)["_get_credentials"] = refuse_credentials  # litellm takes keys out of a client
        return client

    def _renew(self) -> None:
        """Give all clients new connections and keys in a forked process.

        Requests of two processes over one connection mix, and a thread of the parent may have held a
        lock of urllib3's or of the keys'. Chats hold the clients, and an application may have added
        handlers to their events, so the clients stay and take these two from new ones.
        """
        self._lock = threading.Lock()
        self._sessions = aws_sessions.open_sessions(self._settings, parent=self._sessions)
        self._delivery.start_with(self._sessions.logs())
        for region, client in self._clients.items():
            old, new = vars(client), vars(self._sessions.bedrock(region))
            old["_endpoint"].http_session = new["_endpoint"].http_session
            vars(old["_request_signer"])["_credentials"] = vars(new["_request_signer"])[
                "_credentials"
            ]


def refuse_credentials() -> NoReturn:
    """Raise BadRequestError, because calls signed elsewhere would have no record."""
    raise errors.BadRequestError(
        "The operations role's keys are not handed out, because requests that are signed elsewhere leave no record. "
        "Let the library take the connection's session or its client instead."
    )
