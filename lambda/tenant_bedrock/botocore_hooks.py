"""Hooks on a Bedrock client that record what is sent and received, retries and streams included.

They use botocore's documented client events, so a call is recorded whether LangChain or other code
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

    from tenant_bedrock.model_call import ModelCall
    from tenant_bedrock.recorder import Recorder

# The LangChain run that requests from this thread or task belong to.
_run: ContextVar[UUID | None] = ContextVar("tenant_bedrock_run", default=None)
_KEY = "tenant_bedrock"


def enter_run(run_id: UUID) -> None:
    """Assign requests from this thread or task to ``run_id`` until another run is entered."""
    _run.set(run_id)


@contextmanager
def run_context(run_id: UUID | None) -> Iterator[None]:
    """Assign requests from this thread or task to ``run_id`` inside the block."""
    token = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(token)


def register(client: BedrockRuntimeClient, recorder: Recorder) -> None:
    """Record every Converse and ConverseStream of ``client``."""
    hooks = _Hooks(client.meta.region_name, recorder)
    for operation in ("Converse", "ConverseStream"):
        for event, hook in (
            ("before-call", hooks.before_call),
            ("request-created", hooks.request_created),
            ("response-received", hooks.response_received),
            ("after-call", hooks.after_call),
            ("after-call-error", hooks.after_call_error),
        ):
            client.meta.events.register(f"{event}.bedrock-runtime.{operation}", hook)


class _Hooks:
    """The hooks of one client; botocore passes the same ``context`` to all events of a call."""

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
        """Write the start mark once the request is serialized, before it is signed and sent."""
        call = self._recorder.claim(_run.get(), params["body"])
        context[_KEY] = call
        call.region = self._region
        call.operation = model.name
        call.model_id = unquote(params["url_path"].split("/")[2])  # /model/{modelId}/converse
        self._recorder.announce(call)

    def request_created(self, *, request: AWSRequest, **_: object) -> None:
        """Raise OutOfTimeError instead of a retry that the invocation has no time for."""
        call: ModelCall = request.context[_KEY]
        if call.attempts and self._recorder.is_nearly_over():
            raise OutOfTimeError

    def response_received(
        self,
        *,
        parsed_response: dict[str, Any] | None,
        exception: Exception | None,
        context: dict[str, Any],
        **_: object,
    ) -> None:
        """Note an attempt that is over; botocore may make another."""
        response = parsed_response or {}
        metadata = response.get("ResponseMetadata", {})
        error_code = response.get("Error", {}).get("Code")
        call: ModelCall = context[_KEY]
        call.add_attempt(
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
        """Record the answer to the last attempt, or wrap its stream, which only begins here."""
        call: ModelCall = context[_KEY]
        if "Error" in parsed:
            call.error = ClientError(parsed, model.name)  # type: ignore[arg-type]
            self._recorder.finish(call, "error")
        elif "stream" in parsed:
            events = WatchedStream(
                parsed["stream"],
                on_end=partial(self._on_stream_end, call),
                on_first_token=partial(_on_first_token, call),
            )
            call.stream = events.answer
            parsed["stream"] = events
        else:
            call.answer = parsed
            self._recorder.finish(call, "end")

    def after_call_error(
        self, *, exception: Exception, context: dict[str, Any], **_: object
    ) -> None:
        """Record a call without an answer: no connection, no keys, or no time left."""
        call: ModelCall = context[_KEY]
        call.error = exception
        self._recorder.finish(call, "error")

    def _on_stream_end(
        self, call: ModelCall, is_complete: bool, error: BaseException | None
    ) -> None:
        call.error = error
        self._recorder.finish(call, "error" if error else "end" if is_complete else "incomplete")


def _on_first_token(call: ModelCall) -> None:
    call.first_token_ms = call.elapsed_ms()
