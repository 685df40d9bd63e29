"""Watches a Bedrock client: what really leaves and comes back, retries and broken streams included.

botocore's documented client events are used, so a call is recorded however LangChain, or anyone,
makes it: https://docs.aws.amazon.com/boto3/latest/guide/events.html
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from tenant_bedrock.errors import OutOfTimeError
from tenant_bedrock.stream import WatchedStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from botocore.awsrequest import AWSRequest
    from botocore.model import OperationModel
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.record import ModelCall
    from tenant_bedrock.recorder import Recorder

# The LangChain run that a request from this thread or task belongs to.
_run: ContextVar[UUID | None] = ContextVar("tenant_bedrock_run", default=None)
_KEY = "tenant_bedrock"


def enter(run_id: UUID) -> None:
    """Let requests from this thread or task belong to ``run_id`` until another run is entered."""
    _run.set(run_id)


@contextmanager
def belonging_to(run_id: UUID | None) -> Iterator[None]:
    """The same, for as long as the block lasts."""
    before = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(before)


def watch(client: BedrockRuntimeClient, recorder: Recorder) -> None:
    """Record every Converse and ConverseStream of ``client``."""
    watcher = _Watcher(client.meta.region_name, recorder)
    for operation in ("Converse", "ConverseStream"):
        for event, react in (
            ("before-call", watcher.before_call),
            ("request-created", watcher.request_created),
            ("response-received", watcher.response_received),
            ("after-call", watcher.after_call),
            ("after-call-error", watcher.after_call_error),
        ):
            client.meta.events.register(f"{event}.bedrock-runtime.{operation}", react)


class _Watcher:
    """Reacts to one client's events; all events of a call get the same ``context``."""

    def __init__(self, region: str, recorder: Recorder) -> None:
        self._region = region
        self._recorder = recorder

    def before_call(
        self,
        *,
        model: OperationModel,
        params: dict[str, Any],
        context: dict[str, Any],
        **_: object,
    ) -> None:
        """The request is serialized and about to be signed and sent."""
        call = self._recorder.claim(_run.get(), params["body"])
        context[_KEY] = call
        call.region = self._region
        call.operation = model.name
        call.model_id = unquote(params["url_path"].split("/")[2])  # /model/{modelId}/converse
        self._recorder.sending(call)

    def request_created(self, *, request: AWSRequest, **_: object) -> None:
        """An attempt is about to be sent; raises OutOfTimeError instead of a second one too late."""
        call: ModelCall = request.context[_KEY]
        if call.attempts and self._recorder.nearly_over():
            raise OutOfTimeError

    def response_received(
        self,
        *,
        parsed_response: dict[str, Any] | None,
        exception: Exception | None,
        context: dict[str, Any],
        **_: object,
    ) -> None:
        """One attempt is over; botocore may make another."""
        answer = parsed_response or {}
        metadata = answer.get("ResponseMetadata", {})
        error_code = answer.get("Error", {}).get("Code")
        call: ModelCall = context[_KEY]
        call.attempted(
            metadata.get("RequestId"),
            metadata.get("HTTPStatusCode"),
            error_code or (type(exception).__name__ if exception else None),
        )

    def after_call(
        self,
        *,
        parsed: dict[str, Any],
        model: OperationModel,
        context: dict[str, Any],
        **_: object,
    ) -> None:
        """The last attempt was answered; a stream only begins here."""
        call: ModelCall = context[_KEY]
        if "Error" in parsed:
            call.error = ClientError(parsed, model.name)  # type: ignore[arg-type]
            self._recorder.finish(call, "error")
        elif "stream" in parsed:
            events = WatchedStream(
                parsed["stream"],
                ended=partial(self._stream_ended, call),
                first_token=partial(_first_token, call),
            )
            call.stream = events.answer
            parsed["stream"] = events
        else:
            call.answer = parsed
            self._recorder.finish(call, "end")

    def after_call_error(
        self, *, exception: Exception, context: dict[str, Any], **_: object
    ) -> None:
        """No answer at all: no connection, no keys, or time ran out."""
        call: ModelCall = context[_KEY]
        call.error = exception
        self._recorder.finish(call, "error")

    def _stream_ended(self, call: ModelCall, whole: bool, error: BaseException | None) -> None:
        call.error = error
        self._recorder.finish(call, "error" if error else "end" if whole else "incomplete")


def _first_token(call: ModelCall) -> None:
    call.first_token_ms = call.elapsed_ms()
