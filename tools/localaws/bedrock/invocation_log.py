"""Bedrock's model invocation log, which is written only where an account has configured it.

The check that the operations account stores no prompt has to detect it. Record:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.localaws.logs.log_delivery import LogDelivery, LogEvent, LogStream
from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.context import LocalAwsContext

_STREAM = "aws/bedrock/modelinvocations"


@dataclass(frozen=True)
class Invocation:
    """One answered request, with its prompt and answer; ``answer`` is Converse's response.

    ``bodies`` are the request body and the response body in the model's own format, of a stream its chunks.
    """

    call: Call
    request_id: str
    answer: Mapping[str, Any] = field(repr=False)
    bodies: tuple[Mapping[str, Any], object] | None = field(default=None, repr=False)


def logging_config(call: Call) -> dict[str, Any]:
    """The logging configuration of the caller's account and Region, which moto stores."""
    bedrock = backend("bedrock", call.account, call.region)
    config: dict[str, Any] = bedrock.get_model_invocation_logging_configuration() or {}
    return config


class InvocationLog:
    """Logs as the account's configuration for the Region says."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._logs = LogDelivery(context.url)

    def write(self, invocation: Invocation) -> None:
        """Deliver one record to each destination in the account's configuration."""
        config = logging_config(invocation.call)
        if not config:
            return
        record = json.dumps(
            _record(invocation, self._context, bodies=config.get("textDataDeliveryEnabled", True)),
            default=str,
            ensure_ascii=False,
        )
        if "cloudWatchConfig" in config:
            self._write_to_log_group(config["cloudWatchConfig"], invocation, record)
        if "s3Config" in config:
            self._write_to_bucket(config["s3Config"], invocation, record)

    def _write_to_log_group(
        self, config: Mapping[str, Any], invocation: Invocation, record: str
    ) -> None:
        try:
            session = self._context.start_role_session(config["roleArn"], "BedrockLogging")
        except LookupError:
            return  # AWS loses the record too, and counts a failed delivery
        stream = LogStream(invocation.call.region, config["logGroupName"], _STREAM)
        timestamp = int(self._context.clock.now().timestamp() * 1000)
        if self._logs.create_stream(stream, session.credentials):
            self._logs.put(stream, session.credentials, [LogEvent(timestamp, record)])

    def _write_to_bucket(
        self, config: Mapping[str, Any], invocation: Invocation, record: str
    ) -> None:
        call = invocation.call
        key = f"AWSLogs/{call.account}/BedrockModelInvocationLogs/{call.region}"
        prefix = f"{config['keyPrefix']}/" if config.get("keyPrefix") else ""
        backend("s3", call.account).put_object(
            config["bucketName"], f"{prefix}{key}/{invocation.request_id}.json", record.encode()
        )


def _record(invocation: Invocation, context: LocalAwsContext, *, bodies: bool) -> dict[str, Any]:
    call, usage = invocation.call, invocation.answer["usage"]
    request = dict(call.parameters)
    model_id = request.pop("modelId")
    record: dict[str, Any] = {
        "accountId": call.account,
        "identity": {"arn": call.caller.principal.arn},
        "input": {
            "cacheReadInputTokenCount": usage["cacheReadInputTokens"],
            "cacheWriteInputTokenCount": usage["cacheWriteInputTokens"],
            "inputContentType": "application/json",
            "inputTokenCount": usage["inputTokens"],
        },
        "modelId": model_id,
        "operation": call.operation,
        "output": {
            "outputContentType": "application/json",
            "outputTokenCount": usage["outputTokens"],
        },
        "region": call.region,
        "requestId": invocation.request_id,
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": context.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    if "requestMetadata" in request:
        record["requestMetadata"] = request["requestMetadata"]
    if bodies:
        request_body, response_body = invocation.bodies or (request, invocation.answer)
        record["input"]["inputBodyJson"] = request_body
        record["output"]["outputBodyJson"] = response_body
    return record
