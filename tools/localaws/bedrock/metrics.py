"""Bedrock's metrics in CloudWatch, namespace AWS/Bedrock, by the model id that the caller passed.

Names and units: https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call

NAMESPACE = "AWS/Bedrock"

_UNITS = {"InvocationLatency": "Milliseconds"}


def count_success(call: Call, usage: Mapping[str, int], latency_ms: int) -> None:
    """Count an answered request; ``usage`` is Converse's TokenUsage."""
    _put(
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


def count_error(call: Call, status: int) -> None:
    """Count a failed request: a throttle (429) counts as neither an invocation nor an error."""
    if status == 429:
        name = "InvocationThrottles"
    else:
        name = "InvocationServerErrors" if status >= 500 else "InvocationClientErrors"
    _put(call, {name: 1})


def count_scripted_error(call: Call, status: int) -> None:
    """Count a scripted fault of a model call, which does not reach the Bedrock service itself."""
    runs_a_model = "modelId" in call.parameters and call.operation != "CountTokens"
    if call.service == "bedrock-runtime" and runs_a_model:
        count_error(call, status)


def _put(call: Call, values: Mapping[str, int]) -> None:
    # A caller's PutMetricData may not write to a namespace that starts with AWS/, so moto is called.
    backend("cloudwatch", call.account, call.region).put_metric_data(
        NAMESPACE,
        [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "ModelId", "Value": call.parameters["modelId"]}],
                "Unit": _UNITS.get(name, "Count"),
                "Value": value,
            }
            for name, value in values.items()
        ],
    )
