"""Bedrock's data retention in many Regions of the operations account at a time: reads it, and sets it to none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from operations_guard.account_retention import NONE, Retention, read_mode, reason
from tools.terraform.parallel import CALLS_AT_A_TIME, map_in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tools.cli.targets import Target


def read_retention(target: Target, regions: Iterable[str]) -> list[Retention]:
    """Return the mode of each Region of the operations account, in this order, or why it cannot be read."""
    return _in_each(target, regions, read_mode)


def keep_nothing(target: Target, regions: Iterable[str]) -> list[Retention]:
    """Set the mode ``none`` in each Region of the operations account that has another one; return what it is then.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_PutAccountDataRetention.html
    """
    return _in_each(target, regions, _set_none)


def _in_each(
    target: Target, regions: Iterable[str], step: Callable[[Any, str], Retention]
) -> list[Retention]:
    clients = target.bedrock_clients(regions)
    return map_in_parallel(
        lambda region: step(clients[region], region), list(clients), CALLS_AT_A_TIME
    )


def _set_none(client: Any, region: str) -> Retention:  # noqa: ANN401 - boto3's client
    before = read_mode(client, region)
    if before.problem or before.keeps_nothing:
        return before
    try:
        mode = client.put_account_data_retention(mode=NONE)["mode"]
    except (BotoCoreError, ClientError) as error:
        return replace(before, problem=reason(error))
    return Retention(region, mode, before.mode)
