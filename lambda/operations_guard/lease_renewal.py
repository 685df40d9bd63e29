"""Moves the end of the guard's lease on: one call for all tenants of a shard."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from operations_guard.guard_input import GuardInput
    from operations_guard.guard_settings import LeaseSettings


def renew_lease(
    scheduler: Any,  # noqa: ANN401 - boto3's client
    settings: LeaseSettings,
    guard_input: GuardInput,
    now: datetime,
) -> None:
    """Let the lease of the shard end later; a schedule of one time is written as a whole.

    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
    """
    end = now + timedelta(minutes=settings.minutes)
    tenants = sorted(name for name, tenant in guard_input.tenants.items() if tenant.limits)
    content = {
        "environment": guard_input.environment,
        "shard": guard_input.shard,
        "tenants": tenants,
    }
    scheduler.update_schedule(
        Name=f"bedrock-{guard_input.environment}-lease-{guard_input.shard}",
        GroupName="default",
        Description=(
            f"Stops the tenants of shard {guard_input.shard} with a quota, unless the guard moves it on."
        ),
        ScheduleExpression=f"at({end:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        State="ENABLED",
        Target={
            "Arn": settings.function_arn,
            "RoleArn": settings.role_arn,
            "Input": json.dumps(content),
        },
    )
