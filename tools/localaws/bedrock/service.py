"""Bedrock: the calls of models and guardrails and CountTokens without a model, and the control plane."""

from __future__ import annotations

import json
import secrets
import string
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from tools.localaws.bedrock import metrics
from tools.localaws.bedrock.applied_guardrail import apply_guardrail
from tools.localaws.bedrock.control_plane import ControlPlane
from tools.localaws.bedrock.conversation import Conversation, read_conversation
from tools.localaws.bedrock.converse_stream import chunk_event, stream_events, stream_exception
from tools.localaws.bedrock.invocation_log import Invocation, InvocationLog
from tools.localaws.bedrock.model_ids import check_counting, counted_model, resolve
from tools.localaws.bedrock.native.body import read_body
from tools.localaws.bedrock.native.retrieval_formats import retrieval_format
from tools.localaws.bedrock.native.text_formats import streamed_chunks, text_format
from tools.localaws.bedrock.projects import check_project
from tools.localaws.bedrock.stand_in import StandInAnswer, reply
from tools.localaws.bedrock.stored_objects import StoredObjects
from tools.localaws.bedrock.tokens import InputTokens, PromptCache, count_tokens
from tools.localaws.call import Call, Response, ServiceError
from tools.localaws.http_server import DropConnectionError
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.localaws.bedrock.native.retrieval_formats import RetrievalFormat
    from tools.localaws.context import LocalAwsContext

_SERVICES = ("bedrock", "bedrock-agent", "bedrock-agent-runtime", "bedrock-runtime")
_NATIVE = ("InvokeModel", "InvokeModelWithResponseStream")
_INPUT_TOKENS_HEADER = "X-Amzn-Bedrock-Input-Token-Count"
_TOOL_USE_LETTERS = string.ascii_letters + string.digits


class Bedrock:
    """The services ``bedrock-runtime``, ``bedrock`` and those of agents, of all accounts and Regions."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._cache = PromptCache()
        self._log = InvocationLog(context)
        self._control = ControlPlane(context)
        self._stored = StoredObjects(context)

    def answer(self, call: Call) -> Response | None:
        """Answer a call of a model or of a setting; moto answers the rest of Bedrock's control plane and agents."""
        if call.service not in _SERVICES:
            return None
        if (stored := self._stored.answer(call)) is not None:
            return write_result(call, stored)
        if call.service == "bedrock-runtime":
            return self._invoke(call)
        operation = getattr(self._control, xform_name(call.operation), None)
        if call.service != "bedrock" or operation is None:
            return None
        return write_result(call, operation(call))

    def _invoke(self, call: Call) -> Response:
        if call.operation == "CountTokens":
            return _count_tokens(call)
        if call.operation == "ApplyGuardrail":
            return write_result(call, apply_guardrail(call))
        if call.operation not in ("Converse", "ConverseStream", *_NATIVE):
            raise ServiceError(
                "ValidationException",
                "The local AWS runs models only for Converse, ConverseStream, InvokeModel and "
                "InvokeModelWithResponseStream.",
            )
        started = time.monotonic()
        try:
            check_project(call)
            model = resolve(
                call.parameters["modelId"], call, self._context.inference_profiles
            ).model
            if (retrieval := retrieval_format(model)) is not None:
                return self._retrieval_response(call, retrieval, started)
            invocation = self._converse(call, model, started)
            if call.operation in _NATIVE:
                return self._native_response(invocation, model)
        except ServiceError as error:
            metrics.count_error(self._context.data_points, call, error.status)
            raise
        headers = {"x-amzn-RequestId": invocation.request_id}
        if call.operation == "Converse":
            self._record(invocation)
            body = json.dumps(invocation.answer, ensure_ascii=False).encode()
            return Response(200, body, {**headers, "Content-Type": "application/json"})
        headers["Content-Type"] = "application/vnd.amazon.eventstream"
        events = list(stream_events(invocation.answer))
        return Response(200, self._stream(invocation, events), headers)

    def _retrieval_response(
        self, call: Call, retrieval: RetrievalFormat, started: float
    ) -> Response:
        """Embed or rank texts; Bedrock counts an embedding's tokens in a header, and charges a ranking by query."""
        if call.operation == "InvokeModelWithResponseStream":
            raise ServiceError("ValidationException", "The model is unsupported for streaming.")
        if call.operation != "InvokeModel":
            raise ServiceError(
                "ValidationException",
                "This action doesn't support the model that you provided. "
                "Try again with a supported text or chat model.",
            )
        request = read_body(call.body)
        answer = retrieval(request)
        usage = _usage(InputTokens(answer.input_tokens or 0, 0, 0), 0)
        members = {"metrics": _metrics(started), "usage": usage}
        invocation = Invocation(call, str(uuid.uuid4()), members, (request, answer.body))
        self._record(invocation)
        headers = _native_headers(invocation)
        if answer.input_tokens is not None:
            headers[_INPUT_TOKENS_HEADER] = str(answer.input_tokens)
        return Response(200, json.dumps(answer.body, ensure_ascii=False).encode(), headers)

    def _converse(self, call: Call, model: str, started: float) -> Invocation:
        request = call.parameters
        if call.operation in _NATIVE:
            request = text_format(model).request(read_body(call.body))
        conversation = read_conversation(request)
        answer = reply(model, conversation)
        tokens = self._cache.add((call.account, call.region, model), conversation.prompt)
        return Invocation(
            call=call,
            request_id=str(uuid.uuid4()),
            answer={
                "metrics": _metrics(started),
                "output": {"message": {"content": _content(answer), "role": "assistant"}},
                "stopReason": answer.stop_reason,
                "usage": _usage(tokens, answer.tokens),
                **_optional_members(conversation, answer),
            },
        )

    def _native_response(self, invocation: Invocation, model: str) -> Response:
        """The model's own body with the counts in headers, or its chunks with the counts in the last one."""
        answer = invocation.answer
        request = read_body(invocation.call.body)
        if invocation.call.operation == "InvokeModelWithResponseStream":
            chunks = streamed_chunks(model, answer)
            headers = {
                "Content-Type": "application/vnd.amazon.eventstream",
                "X-Amzn-Bedrock-Content-Type": "application/json",
                "x-amzn-RequestId": invocation.request_id,
            }
            events = [chunk_event(chunk) for chunk in chunks]
            streamed = replace(invocation, bodies=(request, chunks))
            return Response(200, self._stream(streamed, events), headers)
        body = text_format(model).answer(model, answer)
        self._record(replace(invocation, bodies=(request, body)))
        headers = {
            **_native_headers(invocation),
            _INPUT_TOKENS_HEADER: str(answer["usage"]["inputTokens"]),
            "X-Amzn-Bedrock-Output-Token-Count": str(answer["usage"]["outputTokens"]),
        }
        return Response(200, json.dumps(body, ensure_ascii=False).encode(), headers)

    def _record(self, invocation: Invocation) -> None:
        """Count and log an answer before its end is sent to the caller."""
        latency = invocation.answer["metrics"]["latencyMs"]
        usage = invocation.answer["usage"]
        metrics.count_success(self._context.data_points, invocation.call, usage, latency)
        self._log.write(invocation)

    def _stream(self, invocation: Invocation, events: Sequence[bytes]) -> Iterator[bytes]:
        """The events of an answer, up to the scripted fault of this call if there is one.

        ``Fault.stream`` is ``{"after_events": N, "exception": NAME}``, where NAME is one of
        Bedrock's stream exceptions such as ``throttlingException`` or ``modelStreamErrorException``;
        without an exception the connection breaks. The fault occurs after ``delay_seconds``. A
        broken stream counts as a server error and is not logged.
        """
        fault = self._context.faults.take(invocation.call, "stream")
        for count, event in enumerate(events):
            if fault is not None and count == fault.stream.get("after_events", 0):
                time.sleep(fault.delay_seconds)
                name = fault.stream.get("exception")
                status = 429 if name == "throttlingException" else 500
                metrics.count_error(self._context.data_points, invocation.call, status)
                if name is None:
                    raise DropConnectionError
                yield stream_exception(name, fault.message)
                return
            if count == len(events) - 1:
                self._record(invocation)
            yield event


def _native_headers(invocation: Invocation) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Amzn-Bedrock-Invocation-Latency": str(invocation.answer["metrics"]["latencyMs"]),
        "x-amzn-RequestId": invocation.request_id,
    }


def _metrics(started: float) -> dict[str, int]:
    return {"latencyMs": max(1, round((time.monotonic() - started) * 1000))}


def _usage(tokens: InputTokens, output_tokens: int) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "cacheReadInputTokens": tokens.cache_read,
        "cacheWriteInputTokens": tokens.cache_write,
        "inputTokens": tokens.fresh,
        "outputTokens": output_tokens,
        "totalTokens": tokens.fresh + tokens.cache_read + tokens.cache_write + output_tokens,
    }
    if tokens.cache_ttl and tokens.cache_write:
        usage["cacheDetails"] = [{"inputTokens": tokens.cache_write, "ttl": tokens.cache_ttl}]
    return usage


def _count_tokens(call: Call) -> Response:
    """Count a conversation's input tokens; it is neither metered nor logged, and no model runs."""
    check_counting(counted_model(call.parameters["modelId"], call))
    conversation = (call.parameters.get("input") or {}).get("converse")
    if conversation is None:
        raise ServiceError(
            "ValidationException", "The local AWS counts only the tokens of a Converse request."
        )
    return write_result(call, {"inputTokens": count_tokens(read_conversation(conversation).prompt)})


def _content(answer: StandInAnswer) -> list[Mapping[str, Any]]:
    reasoning = {"reasoningText": {"text": answer.reasoning, "signature": "c3RhbmQtaW4="}}
    return [*([{"reasoningContent": reasoning}] if answer.reasoning else []), _last_block(answer)]


def _last_block(answer: StandInAnswer) -> Mapping[str, Any]:
    if answer.tool is None:
        return {"text": answer.text}
    letters = "".join(secrets.choice(_TOOL_USE_LETTERS) for _ in range(22))
    return {
        "toolUse": {
            "input": answer.tool_input,
            "name": answer.tool,
            "toolUseId": f"tooluse_{letters}",
        }
    }


def _optional_members(conversation: Conversation, answer: StandInAnswer) -> Mapping[str, Any]:
    """The members of the answer that a request must ask for: the model's usage, the guardrail's trace."""
    members: dict[str, Any] = {}
    if conversation.reports_usage:
        details = {"thinking_tokens": answer.reasoning_tokens}
        usage = {"output_tokens": answer.tokens, "output_tokens_details": details}
        members["additionalModelResponseFields"] = {"usage": usage}
    if conversation.guardrail is not None:
        match = {"match": conversation.last_user_text, "action": "NONE", "type": "INSULTS"}
        policy = {"wordPolicy": {"customWords": [], "managedWordLists": [match]}}
        members["trace"] = {"guardrail": {"inputAssessment": {conversation.guardrail: policy}}}
    return members
