"""Bedrock: conversations, InvokeModel, CountTokens and ApplyGuardrail without a model, and the control plane."""

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
from tools.localaws.bedrock.control_plane import ControlPlane
from tools.localaws.bedrock.conversation import Conversation, read_conversation
from tools.localaws.bedrock.converse_stream import (
    stream_chunk,
    stream_events,
    stream_exception,
)
from tools.localaws.bedrock.guardrail_test import apply_guardrail
from tools.localaws.bedrock.invocation_log import Invocation, InvocationLog
from tools.localaws.bedrock.model_ids import check_counting, counted_model, resolve
from tools.localaws.bedrock.native_bodies import converse_request, native_answer, read_body
from tools.localaws.bedrock.native_chunks import native_chunks
from tools.localaws.bedrock.projects import check_project
from tools.localaws.bedrock.stand_in import StandInAnswer, reply
from tools.localaws.bedrock.stored_objects import StoredObjects
from tools.localaws.bedrock.tokens import PromptCache, count_tokens
from tools.localaws.call import Call, Response, ServiceError
from tools.localaws.http_server import DropConnectionError
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.localaws.context import LocalAwsContext

_SERVICES = ("bedrock", "bedrock-agent", "bedrock-agent-runtime", "bedrock-runtime")
_NATIVE = ("InvokeModel", "InvokeModelWithResponseStream")
_INVOCATIONS = ("Converse", "ConverseStream", *_NATIVE)
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
        if call.operation not in _INVOCATIONS:
            raise ServiceError(
                "ValidationException",
                f"The local AWS supports only {', '.join(_INVOCATIONS)}, CountTokens and ApplyGuardrail.",
            )
        started = time.monotonic()
        try:
            check_project(call)
            invocation = self._converse(call, started)
            if call.operation == "InvokeModel":
                return self._native_response(invocation)
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
        if call.operation in _NATIVE:
            chunks = native_chunks(self._model(call), invocation.answer)
            invocation = replace(invocation, bodies=(read_body(call.body), chunks))
            events = [stream_chunk(chunk) for chunk in chunks]
        return Response(200, self._stream(invocation, events), headers)

    def _converse(self, call: Call, started: float) -> Invocation:
        reference = resolve(call.parameters["modelId"], call, self._context.inference_profiles)
        request = call.parameters
        if call.operation in _NATIVE:
            request = converse_request(reference.model, read_body(call.body))
        conversation = read_conversation(request)
        answer = reply(reference.model, conversation)
        usage = self._usage((call.account, call.region, reference.model), conversation, answer)
        return Invocation(
            call=call,
            request_id=str(uuid.uuid4()),
            answer={
                "metrics": {"latencyMs": max(1, round((time.monotonic() - started) * 1000))},
                "output": {"message": {"content": _content(answer), "role": "assistant"}},
                "stopReason": answer.stop_reason,
                "usage": usage,
                **_optional_members(conversation, answer),
            },
        )

    def _native_response(self, invocation: Invocation) -> Response:
        """InvokeModel's response: the model's own body, and the counts in headers."""
        call, answer = invocation.call, invocation.answer
        body = native_answer(self._model(call), answer)
        self._record(replace(invocation, bodies=(read_body(call.body), body)))
        headers = {
            "Content-Type": "application/json",
            "X-Amzn-Bedrock-Input-Token-Count": str(answer["usage"]["inputTokens"]),
            "X-Amzn-Bedrock-Invocation-Latency": str(answer["metrics"]["latencyMs"]),
            "X-Amzn-Bedrock-Output-Token-Count": str(answer["usage"]["outputTokens"]),
            "x-amzn-RequestId": invocation.request_id,
        }
        return Response(200, json.dumps(body, ensure_ascii=False).encode(), headers)

    def _model(self, call: Call) -> str:
        return resolve(call.parameters["modelId"], call, self._context.inference_profiles).model

    def _usage(
        self, scope: tuple[str, ...], conversation: Conversation, answer: StandInAnswer
    ) -> dict[str, Any]:
        tokens = self._cache.add(scope, conversation.prompt)
        usage: dict[str, Any] = {
            "cacheReadInputTokens": tokens.cache_read,
            "cacheWriteInputTokens": tokens.cache_write,
            "inputTokens": tokens.fresh,
            "outputTokens": answer.tokens,
            "totalTokens": tokens.fresh + tokens.cache_read + tokens.cache_write + answer.tokens,
        }
        if tokens.cache_ttl and tokens.cache_write:
            details = {"inputTokens": tokens.cache_write, "ttl": tokens.cache_ttl}
            usage["cacheDetails"] = [details]
        return usage

    def _record(self, invocation: Invocation) -> None:
        """Count and log an answer before its end is sent to the caller."""
        latency = invocation.answer["metrics"]["latencyMs"]
        usage = invocation.answer["usage"]
        metrics.count_success(self._context.data_points, invocation.call, usage, latency)
        self._log.write(invocation)

    def _stream(self, invocation: Invocation, events: list[bytes]) -> Iterator[bytes]:
        """The events of the answer, up to the scripted fault of this call if there is one.

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
