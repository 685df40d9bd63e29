"""Bedrock's metrics in CloudWatch, namespace AWS/Bedrock, by the model id that the caller passed.

Names and units: https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.cloudwatch.bedrock_data_points import BedrockDataPoints


def count_success(
    data_points: BedrockDataPoints, call: Call, usage: Mapping[str, int], latency_ms: int
) -> None:
    """Count an answered request; ``usage`` is Converse's TokenUsage."""
    _add(
        data_points,
        call,
        {
            "Invocations": 1,
            "InvocationLatency": latency_ms,
            "InputTokenCount": usage["inputTokens"],
            "OutputTokenCount": usage["outputTokens"],
            "CacheReadInputTokenCount": usage["cacheReadInputTokens"],
            "CacheWriteInputTokenCount": usage["cacheWriteInputTokens"],
        },
    )


def count_error(data_points: BedrockDataPoints, call: Call, status: int) -> None:
    """Count a failed request: a throttle (429) counts as neither an invocation nor an error."""
    if status == 429:
        name = "InvocationThrottles"
    else:
        name = "InvocationServerErrors" if status >= 500 else "InvocationClientErrors"
    _add(data_points, call, {name: 1})


def count_scripted_error(data_points: BedrockDataPoints, call: Call, status: int) -> None:
    """Count a scripted fault of a model call, which does not reach the Bedrock service itself."""
    runs_a_model = "modelId" in call.parameters and call.operation != "CountTokens"
    if call.service == "bedrock-runtime" and runs_a_model:
        count_error(data_points, call, status)


def _add(data_points: BedrockDataPoints, call: Call, values: Mapping[str, float]) -> None:
    data_points.add(call.account, call.region, call.parameters["modelId"], values)
