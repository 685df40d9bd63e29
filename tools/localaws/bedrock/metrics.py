"""Bedrock's counts in CloudWatch, namespace AWS/Bedrock, by the model id the caller passed.

Names and units: https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.context import LocalAwsContext

NAMESPACE = "AWS/Bedrock"

_UNITS = {"InvocationLatency": "Milliseconds"}


def count_success(
    context: LocalAwsContext, call: Call, usage: Mapping[str, int], latency_ms: int
) -> None:
    """One answered request; ``usage`` is Converse's TokenUsage."""
    _put(
        context,
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


def count_refusal(context: LocalAwsContext, call: Call, status: int) -> None:
    """One refused request: a throttle (429) counts as neither an invocation nor an error."""
    if status == 429:
        name = "InvocationThrottles"
    else:
        name = "InvocationServerErrors" if status >= 500 else "InvocationClientErrors"
    _put(context, call, {name: 1})


def count_scripted_refusal(context: LocalAwsContext, call: Call, status: int) -> None:
    """A refusal from the script of faults, which Bedrock itself never sees; others are ignored."""
    if call.service == "bedrock-runtime" and "modelId" in call.parameters:
        count_refusal(context, call, status)


def _put(context: LocalAwsContext, call: Call, values: Mapping[str, int]) -> None:
    # The caller's own PutMetricData may not write to a namespace that starts with AWS/.
    context.backend("cloudwatch", call.account, call.region).put_metric_data(
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
