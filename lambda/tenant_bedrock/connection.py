"""``connect()``, the entry point on Lambda, EC2, ECS and a developer's machine."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tenant_bedrock import aws_sessions, errors, process_environment
from tenant_bedrock.bedrock_clients import BedrockClients
from tenant_bedrock.callback import RecordingCallback, ensure_no_tracing
from tenant_bedrock.chat import RecordedChat
from tenant_bedrock.delivery import Delivery, Receipt
from tenant_bedrock.errors import BadRequestError, UsageNotReadError
from tenant_bedrock.function_log import FunctionLog, limit_library_logs
from tenant_bedrock.invocation import Invocation
from tenant_bedrock.quota_usage import NOT_ENFORCED, parse_usage
from tenant_bedrock.recorder import Recorder
from tenant_bedrock.request_rate import RequestRate
from tenant_bedrock.settings import parse
from tenant_bedrock.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from langchain_aws import ChatBedrockConverse
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import RunnableWithFallbacks
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.aws_sessions import Sessions
    from tenant_bedrock.copies import Copies
    from tenant_bedrock.invocation import LambdaContext
    from tenant_bedrock.quota_usage import QuotaUsage, UsageWindow
    from tenant_bedrock.recorded_session import RecordedSession
    from tenant_bedrock.settings import Settings
    from tenant_bedrock.time_budget import TimeBudget

    Chat = ChatBedrockConverse | RunnableWithFallbacks[LanguageModelInput, AIMessage]

_log = logging.getLogger(__name__)

# Parameters of ChatBedrockConverse that the connection sets, or that would have no effect on its client.
_FIXED = frozenset(
    {
        "api_key",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "base_model",
        "base_model_id",
        "base_url",
        "bedrock_api_key",
        "bedrock_client",
        "cache",
        "client",
        "config",
        "credentials_profile_name",
        "endpoint_url",
        "max_retries",
        "model_id",
        "provider",
        "rate_limiter",
        "region_name",
        "timeout",
        "verbose",
    }
)


def connect(settings: Settings | None = None, *, sessions: Sessions | None = None) -> Connection:
    """Return a connection for this process, by default with the settings in TENANT_BEDROCK.

    Does not call AWS yet. Keep the connection: it holds the clients and the role's keys, which are
    valid for an hour. ``sessions`` are open ones from ``aws_sessions.open_sessions``. Raises
    SettingsError.
    """
    process_environment.scrub()
    return Connection(settings or parse(process_environment.settings_json()), sessions)


class Connection:
    """One tenant's access to Bedrock; safe to use from many threads."""

    def __init__(self, settings: Settings, sessions: Sessions | None = None) -> None:
        limit_library_logs()
        self.settings = settings
        self._sessions = sessions or aws_sessions.open_sessions(settings)
        delivery = Delivery(
            self._sessions.logs(),
            group=settings.record_log_group,
            stream_name=lambda: f"{settings.tenant}/{process_environment.execution_name()}",
            open_copies=partial(_open_copies, settings),
        )
        self._recorder = Recorder(settings, self._sessions.role, delivery)
        self._limiter = _limiter(settings, self._sessions.budget)
        self._clients = BedrockClients(
            settings, self._sessions, self._recorder, delivery, self._limiter
        )
        self._recorder.renewals.append(self._sessions.budget.start_anew)
        if self._limiter is not None:
            self._recorder.renewals.append(self._limiter.start_anew)

    def chat(
        self,
        model: str | None = None,
        *,
        region: str | None = None,
        callbacks: list[BaseCallbackHandler] | None = None,
        **parameters: Any,  # noqa: ANN401 - ChatBedrockConverse checks its own fields
    ) -> ChatBedrockConverse:
        """Return a LangChain chat model that acts as the operations role and records every call.

        ``model`` is an alias of the tenant's stanza and optional if there is only one. ``region``
        defaults to the alias' first Region. ``parameters`` are those of ChatBedrockConverse
        (``max_tokens``, ``temperature``...); those that the connection sets are refused with
        BadRequestError. The stanza's guardrail and cap apply to every call, and
        all models of a connection share its requests per second.

        The answer names its record in ``response_metadata["record"]``: ``{"id": ..., "delivery":
        "delivered" | "spilled" | "lost", "alias": ..., "usage": ...}``. A stream has it in its last
        chunk, an error in a note. Raises ModelNotGrantedError before any call, and RoleRefusedError,
        ThrottledError or ModelFailedError if STS issues no keys. With ``audit = "required"`` in the
        stanza, a call raises NotRecordedError unless its record is delivered.
        """
        _refuse_fixed(parameters)
        alias, region = self.settings.resolve(model, region)
        granted = self.settings.models[alias]
        client = self._clients.client(region)
        if self._limiter is not None:
            parameters["rate_limiter"] = self._limiter
        chat = RecordedChat(
            # Without both clients it makes its own, with this account's keys instead of the role's.
            client=client,
            bedrock_client=client,
            model=granted.model,
            # Without these it asks Bedrock for the model behind a profile, which no tenant may do.
            base_model=granted.base_model_id,
            provider=granted.provider,
            region_name=region,
            callbacks=[RecordingCallback(alias, self._recorder), *(callbacks or [])],
            cache=False,  # an answer from LangChain's cache would look like a paid call
            verbose=False,
            **parameters,
        )
        if "disable_streaming" in parameters:  # for a profile's ARN the constructor overrides it
            chat.disable_streaming = parameters["disable_streaming"]
        chat.prepare_for_threads()
        return chat

    def chat_with_fallbacks(
        self,
        model: str | None = None,
        *,
        region: str | None = None,
        callbacks: list[BaseCallbackHandler] | None = None,
        **parameters: Any,  # noqa: ANN401 - as for ``chat``
    ) -> Chat:
        """Return ``chat(model)`` followed by the fallbacks of its stanza, in their order.

        They are tried when Bedrock throttles, fails or does not answer, which are the errors in
        ``errors.retryable_errors``. Each attempt is a run with its own record, and
        ``response_metadata["record"]`` names the alias that answered. Fallbacks that are not granted
        in the requested ``region`` are left out. A stream can fall back until its first chunk. If all
        models fail, the first error is raised.

        The result is LangChain's ``with_fallbacks``, a Runnable but no BaseChatModel; ``bind_tools``
        and ``with_structured_output`` apply to each model. Use ``chat`` for an agent or a comparison
        of models, where no other model should answer. Without fallbacks this is ``chat(model)``.
        """
        ensure_no_tracing()  # tracing would show a chain before its models' own callbacks check for it
        alias, _ = self.settings.resolve(model, region)
        models = self.settings.models
        first, *others = [
            self.chat(name, region=region, callbacks=callbacks, **parameters)
            for name in (alias, *models[alias].fallbacks)
            if name == alias or region is None or region in models[name].regions
        ]
        if not others:
            return first
        return first.with_fallbacks(
            others, exceptions_to_handle=errors.retryable_errors(first.client)
        )

    def client(self, region: str | None = None) -> BedrockRuntimeClient:
        """Return a boto3 client of bedrock-runtime that acts as the operations role and records every call.

        ``modelId`` may be an alias. An answer names its record in ``["ResponseMetadata"]["record"]``. The stanza's
        guardrail, cap and requests per second hold as for ``chat``; an operation that leaves no record is refused with
        BadRequestError. ``region`` is by default the one that all aliases have first. Its errors are botocore's.
        Raises ModelNotGrantedError for another Region, and RoleRefusedError, ThrottledError or ModelFailedError if STS
        issues no keys.
        """
        return self._clients.client(self.settings.client_region(region))

    def session(self, region: str | None = None) -> RecordedSession:
        """Return a boto3 session for libraries that make their own client of bedrock-runtime.

        Its clients are those of ``client``. Raises ModelNotGrantedError for another Region.
        """
        from tenant_bedrock.recorded_session import RecordedSession  # noqa: PLC0415 - imports boto3

        return RecordedSession(self.settings.client_region(region), self.client)

    @contextmanager
    def invocation(self, context: LambdaContext | None) -> Iterator[None]:
        """Serve one Lambda invocation in this block; ``context`` is Lambda's context object.

        Its records name the invocation and are delivered within its time. Calls that are open at its
        end, or one second before Lambda ends it, are recorded as ``incomplete``. Use the block in a
        handler of your own; the handler of this package does.

        Two seconds before its end, requests and waiting for the tenant's rate end with
        OutOfTimeError, and no request is sent in the second before that.
        """
        invocation = Invocation.from_context(context)
        with self._sessions.budget.during(invocation), self._recorder.during(invocation):
            yield

    def receipt(self, run_id: UUID) -> Receipt | None:
        """The receipt of a LangChain run, also of one that failed.

        Choose the id when you call: ``chat.invoke(prompt, {"run_id": run_id})``. The receipts of the
        last 1,000 runs are kept.
        """
        return self._recorder.receipt(run_id)

    def usage(self) -> QuotaUsage:
        """Return how much of its quota the tenant had used when the guard looked last.

        The call needs a network path to Systems Manager in the operations Region. Raises UsageNotReadError, and
        RoleRefusedError, ThrottledError or ModelFailedError if STS issues no keys.
        """
        place = self.settings.usage
        if place is None:
            return NOT_ENFORCED
        try:
            return parse_usage(self._sessions.parameter(place.parameter, place.region))
        except ClientError as error:
            if error.operation_name == "AssumeRole":
                raise errors.from_assume_role(error) from None
            raise UsageNotReadError(
                f"The tenant's use could not be read ({errors.error_code(error)}); a suspended tenant may not read it."
            ) from None
        except BotoCoreError as error:
            raise UsageNotReadError(
                f"The tenant's use could not be read ({type(error).__name__}); check the network path to Systems "
                f"Manager in {place.region}."
            ) from None

    def reached_window(self, alias: str | None = None) -> UsageWindow | None:
        """Return the window whose reached limit stops calls of ``alias``, by default of the only one.

        None if no limit is reached or the use cannot be read; for ``errors.from_model_call``.
        """
        if alias is None and len(self.settings.models) == 1:
            alias = next(iter(self.settings.models))
        try:
            return self.usage().reached(alias)
        except errors.TenantBedrockError:
            return None

    def is_denied_everything(self) -> bool:
        """Whether the operations role may do nothing at all, as when the tenant is suspended.

        Asks STS; for ``errors.from_model_call``.
        """
        return self._sessions.is_denied_everything()


def _refuse_fixed(parameters: dict[str, Any]) -> None:
    fixed = sorted(_FIXED & parameters.keys())
    if fixed:
        raise BadRequestError(
            f"Leave out {', '.join(fixed)}: the connection sets the model, the Region, the keys, the time limits and "
            "the retries, and LangChain's cache would return an answer that looks like a paid call. Nothing was sent."
        )


def _open_copies(settings: Settings) -> Copies:
    """The function's own log on Lambda, a spool elsewhere, and stdout where no spool can be made."""
    if process_environment.is_lambda():
        return FunctionLog()
    directory = Path(process_environment.spool_directory())
    try:
        return Spool(
            directory / f"{settings.environment}.{settings.tenant}",
            process_environment.execution_name(),
        )
    except OSError as error:
        _log.warning(
            "Copies of records go to stdout, because the spool cannot be used (%s). Set "
            "TENANT_BEDROCK_SPOOL to a directory that only this process's user can read.",
            error,
        )
        return FunctionLog()


def _limiter(settings: Settings, budget: TimeBudget) -> RequestRate | None:
    """The tenant's requests per second, for all models together, if the stanza sets a rate.

    Best effort only: each process counts separately. A Lambda environment serves one request at a
    time, so N environments may send N times as many.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
    """
    rate = settings.quota.requests_per_second
    return None if rate is None else RequestRate(rate, budget)
