"""Hooks on a Bedrock client that record what is sent and received, retries and streams included.

They use botocore's documented client events, so a call is recorded whether LangChain or other code
makes it: https://docs.aws.amazon.com/boto3/latest/guide/events.html
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tenant_bedrock.errors import BadRequestError
from tenant_bedrock.native_answer import NativeStreamedAnswer, metrics_of_headers
from tenant_bedrock.stream import EventSource, WatchedStream
from tenant_bedrock.streamed_answer import StreamedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from botocore.awsrequest import AWSRequest
    from botocore.model import OperationModel
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.lease import Lease
    from tenant_bedrock.model_call import ModelCall
    from tenant_bedrock.recorder import Recorder
    from tenant_bedrock.request_rate import RequestRate

# The LangChain run that requests from this thread or task belong to.
_run: ContextVar[UUID | None] = ContextVar("tenant_bedrock_run", default=None)
_KEY = "tenant_bedrock"
_OPERATIONS = (
    "Converse",
    "ConverseStream",
    "InvokeModel",
    "InvokeModelWithResponseStream",
    "ApplyGuardrail",
)
# The member of an answer that is a stream, and what assembles it.
_STREAMS: dict[str, tuple[str, type[StreamedAnswer | NativeStreamedAnswer]]] = {
    "ConverseStream": ("stream", StreamedAnswer),
    "InvokeModelWithResponseStream": ("body", NativeStreamedAnswer),
}
# Nothing is generated and nothing is paid; ``call_limits`` refuses it unless the stanza allows it.
_UNRECORDED_OPERATIONS = ("CountTokens",)


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


def register(client: BedrockRuntimeClient, recorder: Recorder, rate: RequestRate | None) -> None:
    """Record every call of ``client``, and refuse what would have no record.

    A call that LangChain has not announced waits here for its turn in the tenant's ``rate``.
    """
    hooks = _Hooks(client.meta.region_name, recorder, rate)
    events = client.meta.events
    events.register("provide-client-params.bedrock-runtime", _refuse_unrecorded)
    events.register("before-sign.bedrock-runtime", _refuse_presigned)
    for operation in _OPERATIONS:
        for event, hook in (
            ("before-call", hooks.before_call),
            ("request-created", hooks.request_created),
            ("before-send", hooks.before_send),
            ("before-parse", hooks.before_parse),
            ("response-received", hooks.response_received),
            ("after-call", hooks.after_call),
            ("after-call-error", hooks.after_call_error),
        ):
            events.register(f"{event}.bedrock-runtime.{operation}", hook)


def _refuse_unrecorded(*, model: OperationModel, **_: object) -> None:
    """Raise BadRequestError for an operation that would be paid for without a record."""
    if model.name not in (*_OPERATIONS, *_UNRECORDED_OPERATIONS):
        raise BadRequestError(
            f"{model.name} is not recorded, so this client refuses it. Call one of "
            f"{', '.join(_OPERATIONS)} instead. Nothing was sent."
        )


def _refuse_presigned(*, signature_version: str, operation_name: str, **_: object) -> None:
    """Raise BadRequestError for a presigned URL, which another process could use without a record."""
    if signature_version.endswith(("-query", "-presign-post")):
        raise BadRequestError(
            f"A presigned URL of {operation_name} would be used without a record, so this client "
            "does not make one. Call the operation instead."
        )


class _Hooks:
    """The hooks of one client; botocore passes the same ``context`` to all events of a call."""

    def __init__(self, region: str, recorder: Recorder, rate: RequestRate | None) -> None:
        self._region = region
        self._recorder = recorder
        self._rate = rate
        self._sent = threading.local()  # the call whose response this thread reads

    def before_call(
        self,
        *,
        model: OperationModel,
        params: dict[str, Any],
        context: dict[str, Any],
        **_: object,
    ) -> None:
        """Write the start mark once the request is serialized, before it is signed and sent."""
        run_id = _run.get()
        if self._rate is not None and not self._recorder.awaits(run_id):
            self._rate.acquire()
        _, kind, name, *_rest = params["url_path"].split("/")  # /model/{modelId}/converse
        context[_KEY] = self._recorder.send(
            run_id,
            body=params["body"],
            operation=model.name,
            model_id=unquote(name) if kind == "model" else None,
            region=self._region,
        )

    def request_created(self, *, request: AWSRequest, **_: object) -> None:
        """Note whose request this thread will send and whose response it will read."""
        call = _call(request.context)
        call.answer_body = b""
        self._sent.call = call

    def before_send(self, **_: object) -> None:
        """Begin an attempt: what comes before it may renew the role's keys or pause before a retry."""
        call: ModelCall | None = self._sent.call
        if call is not None:
            call.begin_attempt()

    def before_parse(self, *, response_dict: dict[str, Any], **_: object) -> None:
        """Keep the text of an answer, because botocore cannot parse one that is nested very deep.

        The body of a stream is the HTTP response itself.
        """
        call: ModelCall | None = self._sent.call
        if call is None or response_dict.get("status_code") != 200:
            return
        body = response_dict.get("body")
        if isinstance(body, bytes):
            call.answer_body = body
            call.unparsed_response = response_dict
        else:
            call.http_response = body

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
        call = _call(context)
        self._sent.call = None
        call.unparsed_response = None
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
        """Record the answer to the last attempt, or watch its stream, which only begins here."""
        call = _call(context)
        if "Error" in parsed:
            call.error = ClientError(parsed, model.name)  # type: ignore[arg-type]
            self._recorder.finish(call, "error")
        elif model.name in _STREAMS:
            member, answer = _STREAMS[model.name]
            source = EventSource(parsed[member], call.http_response)
            parsed[member] = WatchedStream(source, answer(), context[_KEY], self._recorder)
        else:
            if model.name == "InvokeModel":
                self._read_native_answer(call, parsed)
            else:
                call.answer = parsed
            self._recorder.finish(call, "end")
            if call.run_id is None and call.receipt is not None:
                parsed["ResponseMetadata"]["record"] = call.receipt.as_dict()

    def _read_native_answer(self, call: ModelCall, parsed: dict[str, Any]) -> None:
        """Read InvokeModel's answer to its end, so that the record has it, and give the caller a copy to read."""
        call.metrics = metrics_of_headers(parsed["ResponseMetadata"]["HTTPHeaders"])
        try:
            call.answer_body = parsed["body"].read()
        except Exception as error:
            call.error = error
            self._recorder.finish(call, "error")
            raise
        parsed["body"] = StreamingBody(BytesIO(call.answer_body), len(call.answer_body))

    def after_call_error(
        self, *, exception: Exception, context: dict[str, Any], **_: object
    ) -> None:
        """Record a call without an answer: no connection, no keys, no time left, or one not parsed."""
        call = _call(context)
        call.error = exception
        if call.unparsed_response is not None:
            request_id = call.unparsed_response["headers"].get("x-amzn-requestid")
            status = call.unparsed_response["status_code"]
            call.add_attempt(request_id, status, type(exception).__name__)
        self._recorder.finish(call, "error")


def _call(context: dict[str, Any]) -> ModelCall:
    lease: Lease = context[_KEY]
    return lease.call
