"""CloudWatch's alarms: compares metrics with thresholds when the control API asks for it, and tells the topics.

On AWS time alone does that. Here ``POST /_control/evaluate_alarms {}`` evaluates every alarm by the clock of the local
AWS, so that a test or a demo knows when it has happened. moto keeps alarms and metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import json
import operator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.cloudwatch.models import MetricDatum

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backends
from tools.localaws.sns.service_messages import publish_as_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tools.localaws.context import LocalAwsContext

ALARM, OK, UNKNOWN = "ALARM", "OK", "INSUFFICIENT_DATA"
_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Sum": sum,
}
# CloudWatch looks further back than the alarm's periods before it counts a period as missing; AWS's example with
# three periods has five: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
_FURTHER_PERIODS = 2


@dataclass(frozen=True)
class AlarmChange:
    """An alarm that has another state than before."""

    alarm: str
    state: str
    state_before: str
    description: str


class Alarms:
    """The alarms of all accounts and Regions."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        context.control_routes["evaluate_alarms"] = self._evaluate

    def _evaluate(self, _: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the alarms whose state has changed, after their topics were told."""
        now = self._context.clock.now()
        changes = []
        for account, region, alarm, points in list(_alarms()):
            before = alarm.state_value
            state = _state(alarm, [_value(alarm, points, start) for start in _periods(alarm, now)])
            if state != before:
                change = AlarmChange(alarm.name, state, before, alarm.description or "")
                alarm.update_state(f"Threshold {alarm.threshold}", "{}", state)
                self._tell(account, region, alarm, change)
                changes.append(vars(change))
        return changes

    def _tell(self, account: str, region: str, alarm: Any, change: AlarmChange) -> None:  # noqa: ANN401 - moto's alarm
        actions = {
            ALARM: alarm.alarm_actions,
            OK: alarm.ok_actions,
            UNKNOWN: alarm.insufficient_data_actions,
        }[change.state]
        message = {
            "AlarmArn": alarm.alarm_arn,
            "AlarmDescription": change.description,
            "AlarmName": alarm.name,
            "AWSAccountId": account,
            "NewStateValue": change.state,
            "OldStateValue": change.state_before,
            "Region": region,
        }
        subject = f'{change.state}: "{alarm.name}" in {region}'
        for topic in actions if alarm.actions_enabled else ():
            with suppress(LookupError):  # CloudWatch tells nobody whom the topic does not admit
                publish_as_service(
                    "cloudwatch.amazonaws.com", alarm.alarm_arn, topic, json.dumps(message), subject
                )


def _alarms() -> Iterator[tuple[str, str, Any, Sequence[Any]]]:
    for account, region, cloudwatch in list(backends("cloudwatch").iter_backends()):
        for alarm in list(cloudwatch.alarms.values()):
            yield account, region, alarm, cloudwatch.metric_data


def _periods(alarm: Any, now: datetime) -> list[tuple[datetime, datetime]]:  # noqa: ANN401 - moto's alarm
    """Return the start and end of the periods that count, the newest first."""
    if alarm.metric_data_queries or alarm.statistic not in _STATISTICS:
        raise ServiceError(
            "NotImplementedException",
            f"The local AWS evaluates alarms on one metric with a plain statistic, and not {alarm.name}.",
        )
    length, end = timedelta(seconds=int(alarm.period)), now.replace(tzinfo=None)
    count = int(alarm.evaluation_periods) + _FURTHER_PERIODS
    return [(end - (number + 1) * length, end - number * length) for number in range(count)]


def _value(alarm: Any, points: Sequence[Any], period: tuple[datetime, datetime]) -> float | None:  # noqa: ANN401
    """Return the statistic of a period; None without a data point."""
    start, end = period
    dimensions = {(each.name, each.value) for each in alarm.dimensions}
    values = [
        point.value
        for point in points
        if isinstance(point, MetricDatum)
        and (point.namespace, point.name) == (alarm.namespace, alarm.metric_name)
        and {(each.name, each.value) for each in point.dimensions} == dimensions
        and start < point.timestamp <= end
    ]
    return _STATISTICS[alarm.statistic](values) if values else None


def _state(alarm: Any, values: Sequence[float | None]) -> str:  # noqa: ANN401 - moto's alarm
    """Return the state, by AWS's rules for missing data."""
    compare, wanted = _COMPARISONS[alarm.comparison_operator], int(alarm.evaluation_periods)
    real = [value for value in values if value is not None][:wanted]
    missing = wanted - len(real)
    breaching = sum(compare(value, float(alarm.threshold)) for value in real)
    needed = int(alarm.datapoints_to_alarm or wanted)
    match alarm.treat_missing_data or "missing":
        case "breaching":
            return ALARM if breaching + missing >= needed else OK
        case "notBreaching":
            return ALARM if breaching >= needed else OK
        case "ignore" if missing and breaching < needed <= breaching + missing:
            return str(alarm.state_value)
        case "missing" if not real:
            return UNKNOWN
    return ALARM if breaching >= min(needed, len(real)) > 0 else OK
