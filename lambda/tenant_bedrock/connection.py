"""``connect()``: the way in, the same on Lambda, EC2, ECS or a desk."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from langchain_aws import ChatBedrockConverse

from tenant_bedrock import environment, errors, function_log, session, settings, wire
from tenant_bedrock.callback import RecordingCallback
from tenant_bedrock.delivery import Delivery, Receipt
from tenant_bedrock.recorder import Recorder

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.callbacks import BaseCallbackHandler
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.settings import Settings


def connect(given: Settings | None = None) -> Connection:
    """Return a connection for this process, from TENANT_BEDROCK unless settings are given.

    Calls nobody yet. Keep the connection: it holds the role's keys, which last an hour, and the
    clients. Raises SettingsError.
    """
    environment.scrub()
    return Connection(given or settings.parse(environment.settings_text()))


class Connection:
    """One tenant's access to Bedrock; safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        log = function_log.open_log()
        self.settings = settings
        self._sessions = session.open_sessions(settings)
        self._recorder = Recorder(
            settings,
            self._sessions.role,
            Delivery(
                self._sessions.logs(),
                group=settings.record_log_group,
                stream=environment.log_stream(),
                log=log,
            ),
            log,
        )
        self._clients: dict[str, BedrockRuntimeClient] = {}
        self._lock = threading.Lock()

    def chat(
        self,
        model: str | None = None,
        *,
        region: str | None = None,
        callbacks: list[BaseCallbackHandler] | None = None,
        **parameters: Any,  # noqa: ANN401 - ChatBedrockConverse checks its own fields
    ) -> ChatBedrockConverse:
        """Return a LangChain chat model that acts as the operations role and records every call.

        ``model`` is an alias of the tenant's stanza and may be left out when there is only one;
        ``region`` defaults to its first Region; ``parameters`` are ChatBedrockConverse's own
        (``max_tokens``, ``temperature``...). The answer tells its record in
        ``response_metadata["record"]``: ``{"id": ..., "delivery": "delivered" | "spilled"}``; a
        stream tells it in its last chunk. Raises ModelNotGrantedError before any call, and
        RoleRefusedError, ThrottledError or ModelFailedError when STS gives no keys.
        """
        alias, model_id, region = self.settings.grant(model, region)
        client = self._client(region)
        return ChatBedrockConverse(
            # Without both clients it makes its own, as this account instead of the operations role.
            client=client,
            bedrock_client=client,
            model=model_id,
            region_name=region,
            callbacks=[RecordingCallback(alias, self._recorder), *(callbacks or [])],
            cache=False,  # an answer from LangChain's cache would look like a paid call
            verbose=False,
            **parameters,
        )

    def receipt(self, run_id: UUID) -> Receipt | None:
        """Where the record of a LangChain run is; the way to learn it when the call failed.

        Choose the id yourself: ``chat.invoke(prompt, {"run_id": run_id})``. The last 1,000 runs
        are kept.
        """
        return self._recorder.receipt(run_id)

    def _client(self, region: str) -> BedrockRuntimeClient:
        """The one client of a Region; the first of all assumes the role."""
        with self._lock:
            if region not in self._clients:
                try:
                    client = self._sessions.bedrock(region)
                except (BotoCoreError, ClientError) as error:
                    raise errors.of_role(error) from None
                wire.watch(client, self._recorder)
                self._clients[region] = client
            return self._clients[region]
