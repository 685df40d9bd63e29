"""The data points of the namespace AWS/Bedrock, which appear some time after what they count."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tools.localaws.cloudwatch.metric_data import put_points

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.clock import Clock

NAMESPACE = "AWS/Bedrock"
_UNITS = {"InvocationLatency": "Milliseconds"}


@dataclass(frozen=True)
class DataPoint:
    """One value of a metric of a model id, in an account and Region."""

    account: str
    region: str
    metric: str
    model_id: str
    value: float
    time: datetime


class BedrockDataPoints:
    """Gives data points to moto once they are visible, and keeps an index of them for GetMetricData.

    ``lag`` is a time of the local AWS's clock; AWS shows most points within minutes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.lag = timedelta()
        self._pending: list[tuple[datetime, DataPoint]] = []
        self._visible: dict[tuple[str, str, str, str], list[DataPoint]] = defaultdict(list)

    def add(self, account: str, region: str, model_id: str, values: Mapping[str, float]) -> None:
        """Count values of a model id now, by the metric's name."""
        now = self._clock.now()
        with self._lock:
            for metric, value in values.items():
                point = DataPoint(account, region, metric, model_id, value, now)
                self._pending.append((now + self.lag, point))
        self.show_due()

    def show_due(self) -> None:
        """Make the points visible whose time has come."""
        now = self._clock.now()
        with self._lock:
            due = [point for visible, point in self._pending if visible <= now]
            self._pending = [entry for entry in self._pending if entry[0] > now]
            for point in due:
                key = (point.account, point.region, point.metric, point.model_id)
                self._visible[key].append(point)
        for point in due:
            data = {
                "MetricName": point.metric,
                "Dimensions": [{"Name": "ModelId", "Value": point.model_id}],
                "Unit": _UNITS.get(point.metric, "Count"),
                "Value": point.value,
            }
            put_points(point.account, point.region, NAMESPACE, [data], point.time)

    def visible(self, account: str, region: str, metric: str, model_id: str) -> list[DataPoint]:
        """Return the visible points of a metric."""
        with self._lock:
            return list(self._visible.get((account, region, metric, model_id), ()))

    def pending(self) -> list[DataPoint]:
        """Return the points that no call shows yet."""
        with self._lock:
            return [point for _, point in self._pending]
