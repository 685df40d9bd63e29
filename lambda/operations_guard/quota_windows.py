"""The days and months for which quotas hold, in UTC or in a time zone of the IANA database.

The database is python-dateutil's own, which boto3 brings along, because Lambda's machine may have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dateutil.tz import resolve_imaginary
from dateutil.zoneinfo import get_zonefile_instance

if TYPE_CHECKING:
    from datetime import tzinfo

_DAY = "day"
# Seconds; each of them divides the next one, and CloudWatch knows none that is longer than a day:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html
_PERIODS = (86_400, 3_600, 1_800, 900)
_SHORTEST = 300  # below it, CloudWatch keeps data points for 15 days only, and a month is longer


@dataclass(frozen=True)
class QuotaWindow:
    """A day or a month, from ``start`` until just before ``end``, both in UTC."""

    kind: str
    start: datetime
    end: datetime


def has_time_zone(name: str) -> bool:
    """Return whether the database has a time zone of this name."""
    return get_zonefile_instance().get(name) is not None


def window_at(kind: str, time: datetime, time_zone: str) -> QuotaWindow:
    """Return the day or month of a time zone in which a time is."""
    zone = get_zonefile_instance().get(time_zone)
    # Of a midnight that clocks show twice, the first one.
    local = time.astimezone(zone).replace(tzinfo=None, fold=0)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == _DAY:
        start, end = midnight, midnight + timedelta(days=1)
    else:
        start = midnight.replace(day=1)
        # A month after its first day there is always a day of the next month within 32 days.
        end = (start + timedelta(days=32)).replace(day=1)
    return QuotaWindow(kind, _utc(start, zone), _utc(end, zone))


def period_of(times: tuple[datetime, ...], *, shortest: int = _SHORTEST) -> int:
    """Return the longest period, in seconds, of which a data point begins at each of the times.

    Data points of a day begin at midnight in UTC, those of an hour at the full hour.
    """
    seconds = [int(time.timestamp()) for time in times]
    periods = (period for period in _PERIODS if period >= shortest)
    return next((period for period in periods if not any(s % period for s in seconds)), shortest)


def _utc(local: datetime, zone: tzinfo | None) -> datetime:
    """Return the time at which clocks of the zone first show ``local``, or skip it."""
    time: datetime = resolve_imaginary(local.replace(tzinfo=zone))
    return time.astimezone(UTC)
