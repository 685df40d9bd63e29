"""``connect()``: the way in, the same on Lambda, EC2, ECS or a desk."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from langchain_core.rate_limiters import InMemoryRateLimiter

from tenant_bedrock import environment, errors, function_log, session, settings, terms, wire
from tenant_bedrock.callback import RecordingCallback, refuse_onlookers
from tenant_bedrock.chat import RecordedChat
from tenant_bedrock.delivery import Delivery, Receipt
from tenant_bedrock.invocation import Invocation
from tenant_bedrock.leaving import sweep_when_leaving
from tenant_bedrock.recorder import Recorder

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from uuid import UUID

    from langchain_aws import ChatBedrockConverse
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import RunnableWithFallbacks
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.invocation import LambdaContext
    from tenant_bedrock.session import Sessions
    from tenant_bedrock.settings import Settings


def connect(given: Settings | None = None, *, sessions: Sessions | None = None) -> Connection:
    """Return a connection for this process, from TENANT_BEDROCK unless settings are given.

    Calls nobody yet. Keep the connection: it holds the role's keys, which last an hour, and the
    clients. ``sessions`` are those of ``session.open_sessions``, if they are open already. Raises
    SettingsError.
    """
    environment.scrub()
    return Connection(given or settings.parse(environment.settings_text()), sessions)


class Connection:
    """One tenant's access to Bedrock; safe to use from many threads."""

    def __init__(self, settings: Settings, sessions: Sessions | None = None) -> None:
        log = function_log.open_log()
        self.settings = settings
        self._sessions = sessions or session.open_sessions(settings)
        self._recorder = Recorder(
            settings,
            self._sessions.role,
            Delivery(
                self._sessions.logs(),
                group=settings.record_log_group,
                stream=lambda: f"{settings.tenant}/{environment.execution()}",
                log=log,
            ),
        )
        sweep_when_leaving(self._recorder)
        self._limiter = _limiter(settings)
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
        (``max_tokens``, ``temperature``...). The stanza's guardrail and cap go with every call, and
        all models of this connection share its requests per second.

        The answer tells its record in ``response_metadata["record"]``: ``{"id": ..., "delivery":
        "delivered" | "spilled" | "lost", "alias": ..., "usage": ...}``; a stream tells it in its
        last chunk, and an error in a note. Raises ModelNotGrantedError before any call, and
        RoleRefusedError, ThrottledError or ModelFailedError when STS gives no keys. With ``audit =
        "required"`` in the stanza, a call raises NotRecordedError unless its record is delivered.
        """
        alias, region = self.settings.grant(model, region)
        granted = self.settings.models[alias]
        client = self._client(region)
        if self._limiter is not None:
            parameters["rate_limiter"] = self._limiter
        chat = RecordedChat(
            # Without both clients it makes its own, as this account instead of the operations role.
            client=client,
            bedrock_client=client,
            model=granted.model,
            # Without these it asks Bedrock what is behind a profile, which no tenant may.
            base_model=granted.base_model_id,
            provider=granted.provider,
            region_name=region,
            callbacks=[RecordingCallback(alias, self._recorder), *(callbacks or [])],
            cache=False,  # an answer from LangChain's cache would look like a paid call
            verbose=False,
            **parameters,
        )
        if "disable_streaming" in parameters:  # it decides for itself behind a profile's ARN
            chat.disable_streaming = parameters["disable_streaming"]
        return chat

    def chat_with_fallbacks(
        self,
        model: str | None = None,
        *,
        region: str | None = None,
        callbacks: list[BaseCallbackHandler] | None = None,
        **parameters: Any,  # noqa: ANN401 - as for ``chat``
    ) -> ChatBedrockConverse | RunnableWithFallbacks[LanguageModelInput, AIMessage]:
        """Return ``chat(model)`` with the fallbacks of its stanza behind it, in their order.

        They are tried when Bedrock throttles, fails or does not answer; ``errors.passing`` has the
        list. Each attempt is a run and a record of its own, and ``response_metadata["record"]``
        names the alias that answered. A fallback that is not granted in the ``region`` asked for is
        left out; a stream falls back until its first chunk. When all fail, the first error is
        raised.

        This is LangChain's ``with_fallbacks``, a Runnable: ``bind_tools`` and
        ``with_structured_output`` reach each model, but it is no BaseChatModel. ``chat`` is one, and
        calls the model named and no other, so that an agent or a comparison of models is never
        answered by another model unasked. Without fallbacks this is ``chat(model)`` itself.
        """
        refuse_onlookers()  # as a chain it would be shown before a model's own callbacks hear of it
        alias, _ = self.settings.grant(model, region)
        granted = self.settings.models
        first, *others = [
            self.chat(name, region=region, callbacks=callbacks, **parameters)
            for name in (alias, *granted[alias].fallbacks)
            if name == alias or region is None or region in granted[name].regions
        ]
        if not others:
            return first
        return first.with_fallbacks(others, exceptions_to_handle=errors.passing(first.client))

    def invocation(self, context: LambdaContext | None) -> AbstractContextManager[None]:
        """Serve one Lambda invocation in this block; ``context`` is what Lambda gave the handler.

        Its records name the invocation. Deliveries keep within its time, and calls that are open
        at its end, or one second before Lambda would end it, are recorded as ``incomplete``.
        The handler of this package does it; write the block around a handler of your own.
        """
        return self._recorder.during(Invocation.of(context))

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
                terms.keep(client, self.settings)
                wire.watch(client, self._recorder)
                self._clients[region] = client
            return self._clients[region]


def _limiter(settings: Settings) -> InMemoryRateLimiter | None:
    """The tenant's requests per second, if its stanza names them, for all models together.

    Politeness, not enforcement: every process counts for itself. On Lambda an execution
    environment serves one request at a time, so with N of them N times as many may leave.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
    """
    rate = settings.quota.requests_per_second
    if rate is None:
        return None
    limiter = InMemoryRateLimiter(requests_per_second=rate, max_bucket_size=max(1, rate))
    limiter.available_tokens = 1  # it starts empty, and every cold start would wait
    return limiter
