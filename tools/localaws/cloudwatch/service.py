"""CloudWatch: GetMetricData of Bedrock's metrics with CloudWatch's limits, and metrics at the time of the local AWS.

moto answers all other calls.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.cloudwatch.alarms import Alarms
from tools.localaws.cloudwatch.bedrock_data_points import NAMESPACE
from tools.localaws.cloudwatch.metric_data import put_points
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tools.localaws.call import Call, Response
    from tools.localaws.cloudwatch.bedrock_data_points import DataPoint
    from tools.localaws.context import LocalAwsContext

_MOST_QUERIES = 500
_MOST_POINTS = 100_800
# How long CloudWatch keeps points of a minute, of five minutes and of an hour, by the shortest period of each.
_RETENTIONS = ((3_600, 455), (300, 63), (60, 15))
_LONGEST_PERIOD = 86_400


class CloudWatch:
    """The service ``cloudwatch`` of all accounts and Regions, as far as Bedrock's metrics are concerned."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._alarms = Alarms(context)
        context.control_routes["metric_lag"] = self._set_lag
        context.control_routes["bedrock_counts"] = self._count

    def answer(self, call: Call) -> Response | None:
        """Answer GetMetricData if all of its queries are sums of Bedrock's metrics."""
        if call.service != "cloudwatch":
            return None
        self._context.data_points.show_due()
        if call.parameter("Namespace").startswith("AWS/") and call.operation == "PutMetricData":
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
            raise ServiceError(
                "InvalidParameterValue", "A Namespace that begins with AWS/ is for AWS services."
            )
        if call.operation == "PutMetricData":
            self._put(call)
            return write_result(call, {})
        if call.operation != "GetMetricData":
            return None
        queries = call.parameters.get("MetricDataQueries") or []
        if not all(map(_is_sum_of_bedrock, queries)):
            return None
        return write_result(call, self._metric_data(call, queries))

    def _put(self, call: Call) -> None:
        data = [
            {**each, "Timestamp": _time(each["Timestamp"]).replace(tzinfo=None)}
            if each.get("Timestamp")
            else each
            for each in call.parameters.get("MetricData") or ()
        ]
        now = self._context.clock.now()
        put_points(call.account, call.region, call.parameter("Namespace"), data, now)

    def _metric_data(self, call: Call, queries: list[Mapping[str, Any]]) -> dict[str, Any]:
        if not 0 < len(queries) <= _MOST_QUERIES:
            raise _invalid(
                f"The collection MetricDataQueries must have 1 to {_MOST_QUERIES} items."
            )
        start, end = _time(call.parameters["StartTime"]), _time(call.parameters["EndTime"])
        if start >= end:
            raise _invalid("The parameter EndTime must be greater than StartTime.")
        skipped = int(call.parameters.get("NextToken") or 0)
        room = min(int(call.parameters.get("MaxDatapoints") or _MOST_POINTS), _MOST_POINTS)
        results, seen = [], 0
        for query in queries:
            sums = self._sums(call, query["MetricStat"], start, end)
            first = min(max(skipped - seen, 0), len(sums))
            shown = sums[first : max(first, skipped + room - seen)]
            seen += len(sums)
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label") or query["MetricStat"]["Metric"]["MetricName"],
                    "StatusCode": "Complete" if seen <= skipped + room else "PartialData",
                    "Timestamps": [time for time, _ in shown],
                    "Values": [value for _, value in shown],
                }
            )
        more = {"NextToken": str(skipped + room)} if seen > skipped + room else {}
        return {"MetricDataResults": results, **more}

    def _sums(
        self, call: Call, metric_stat: Mapping[str, Any], start: datetime, end: datetime
    ) -> list[tuple[datetime, float]]:
        """Return the sum of each period that has points, the newest first."""
        period = int(metric_stat["Period"])
        if period < 60 or period % 60 or period > _LONGEST_PERIOD:
            raise _invalid("The period must be a multiple of 60 of at most 86400.")
        metric = metric_stat["Metric"]
        points = self._context.data_points.visible(
            call.account, call.region, metric["MetricName"], metric["Dimensions"][0]["Value"]
        )
        days = next(days for shortest, days in _RETENTIONS if period % shortest == 0)
        oldest = self._context.clock.now() - timedelta(days=days)
        first = int(start.timestamp()) // period * period
        return _by_period(
            (point for point in points if point.time >= oldest), period, first, end.timestamp()
        )

    def _count(self, arguments: Mapping[str, Any]) -> None:
        """``POST /_control/bedrock_counts {account, region, model_id, values}``: count without a call, by metric."""
        values = {str(name): float(value) for name, value in arguments["values"].items()}
        self._context.data_points.add(
            arguments["account"], arguments["region"], arguments["model_id"], values
        )

    def _set_lag(self, arguments: Mapping[str, Any]) -> None:
        """``POST /_control/metric_lag {seconds}``: how long Bedrock's next counts take to be visible."""
        self._context.data_points.lag = timedelta(seconds=float(arguments["seconds"]))


def _by_period(
    points: Iterable[DataPoint], period: int, first: float, end: float
) -> list[tuple[datetime, float]]:
    sums: dict[int, float] = defaultdict(float)
    for point in points:
        start = int(point.time.timestamp()) // period * period
        if first <= start < end:
            sums[start] += point.value
    return [
        (datetime.fromtimestamp(start, UTC), value)
        for start, value in sorted(sums.items(), reverse=True)
    ]


def _is_sum_of_bedrock(query: Mapping[str, Any]) -> bool:
    metric_stat = query.get("MetricStat") or {}
    metric = metric_stat.get("Metric") or {}
    dimensions = metric.get("Dimensions") or []
    return (
        metric.get("Namespace") == NAMESPACE
        and metric_stat.get("Stat") == "Sum"
        and [dimension["Name"] for dimension in dimensions] == ["ModelId"]
        and query.get("ReturnData", True) is not False
    )


def _time(value: Any) -> datetime:  # noqa: ANN401 - a number or a text on the wire, or moto's datetime
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value))


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)
