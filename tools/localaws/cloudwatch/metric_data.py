"""Data points in moto's CloudWatch, at the time of the local AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


def put_points(
    account: str, region: str, namespace: str, points: Iterable[Mapping[str, Any]], now: datetime
) -> None:
    """Add points in the form of PutMetricData; one without a time is of now.

    A caller's own call may not write to a namespace that starts with AWS/, so moto is called.
    """
    # moto's times are in UTC without saying so.
    data = [{"Timestamp": now.replace(tzinfo=None), **point} for point in points]
    backend("cloudwatch", account, region).put_metric_data(namespace, data)
