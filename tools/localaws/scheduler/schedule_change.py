"""Changes a part of a schedule by hand, as a test or the demo does."""

from __future__ import annotations

from typing import Any

# What a schedule of the guard has; UpdateSchedule sets what it is not given to the default.
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
_PARTS = ("FlexibleTimeWindow", "ScheduleExpression", "State", "Target")


def change_schedule(scheduler: Any, name: str, **changes: Any) -> None:  # noqa: ANN401 - boto3's client and its arguments
    """Change some parts of a schedule, such as ``State``, and leave the others as they are."""
    schedule = scheduler.get_schedule(Name=name)
    parts = {part: schedule[part] for part in _PARTS if part in schedule}
    scheduler.update_schedule(Name=name, **{**parts, **changes})
