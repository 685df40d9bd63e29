"""The guard's Lambda function: EventBridge Scheduler invokes it for each shard of tenants."""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import asdict
from typing import Any

import boto3
from botocore.config import Config

from operations_guard.guard_input import read_guard_input
from operations_guard.guard_settings import read_settings
from operations_guard.quota_sweep import QuotaSweep

# A shard that has much to change meets the limits of IAM and Systems Manager, which ask to come again.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 6},
    max_pool_connections=10,
)
_log = logging.getLogger(__name__)


def handler(event: object, _context: object) -> dict[str, Any]:
    """Compare what the tenants in the schedule's input have used with their quotas, and stop or admit them.

    Raises GuardInputError, GuardSettingsError or IncompleteSweepError, or botocore's errors if nothing could be read.
    """
    settings = read_settings(os.environ.get("OPERATIONS_GUARD"))
    guard_input = read_guard_input(event)
    if guard_input.shards != settings.shards or guard_input.shard >= settings.shards:
        _log.warning("The schedule is of another number of shards, and its tenants are in others.")
        return {"read": 0}
    result = asdict(QuotaSweep(_client, settings, guard_input).run())
    _log.info("The quotas were compared.", extra=result)
    return result


@functools.cache
def _client(service: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
    connect: Any = boto3.client  # its overloads know a service by its literal name only
    return connect(service, config=_CONFIG)
