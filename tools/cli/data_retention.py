"""Bedrock's data retention in an account: one mode for each Region, of which only ``none`` keeps nothing.

An account that was never configured reports ``inherit``. What Bedrock keeps of a call is kept in the Region that
served it: https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.terraform.parallel import CALLS_AT_A_TIME, map_in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tools.cli.targets import Target

NONE = "none"
# How services refuse the credentials of an account in a Region that it has not enabled. STS's global endpoint issues
# keys that such Regions refuse as well:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
_CLOSED = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})


@dataclass(frozen=True)
class Retention:
    """The mode of one Region, None if it is not known, and the one before this command.

    ``problem`` says why it could not be read or set.
    """

    region: str
    mode: str | None = None
    mode_before: str | None = None
    problem: str = ""
    is_closed: bool = False  # the Region accepts no credentials of the account

    @property
    def keeps_nothing(self) -> bool:
        """Whether Bedrock keeps nothing in the Region."""
        return self.mode == NONE

    @property
    def state(self) -> str:
        """The end of a sentence about data retention in the Region, without its full stop."""
        if self.mode is None:
            return f"cannot be read: {self.problem}"
        change = f" and cannot be changed: {self.problem}" if self.problem else ""
        return f'is "{self.mode}"{change}'


def read_retention(target: Target, regions: Iterable[str]) -> list[Retention]:
    """Return the mode of each Region of the operations account, in this order, or why it cannot be read.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetAccountDataRetention.html
    """
    return _in_each(target, regions, _read)


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


def _read(client: Any, region: str) -> Retention:  # noqa: ANN401 - boto3's client
    try:
        mode = client.get_account_data_retention()["mode"]
    except (BotoCoreError, ClientError) as error:
        return Retention(region, problem=_reason(error), is_closed=_code(error) in _CLOSED)
    return Retention(region, mode, mode)


def _set_none(client: Any, region: str) -> Retention:  # noqa: ANN401 - boto3's client
    before = _read(client, region)
    if before.problem or before.keeps_nothing:
        return before
    try:
        mode = client.put_account_data_retention(mode=NONE)["mode"]
    except (BotoCoreError, ClientError) as error:
        return replace(before, problem=_reason(error))
    return Retention(region, mode, before.mode)


def _code(error: BotoCoreError | ClientError) -> str:
    """Return AWS's error code; an empty text if AWS did not answer."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def _reason(error: BotoCoreError | ClientError) -> str:
    """Return why there is no answer, without a full stop."""
    message = error.response["Error"]["Message"] if isinstance(error, ClientError) else str(error)
    words = message.rstrip(".")
    return f"{_code(error)}: {words}" if _code(error) else words
