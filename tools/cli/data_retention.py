"""Bedrock's data retention in an account: one mode for each Region, of which only ``none`` keeps nothing.

An account that was never configured reports ``inherit``. What Bedrock keeps of a call is kept in the Region that
served it: https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.terraform.parallel import map_in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tools.cli.targets import Target

NONE = "none"
_AT_A_TIME = 16
# How services refuse the credentials of an account in a Region that it has not enabled. STS's global endpoint issues
# keys that such Regions refuse as well:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
_CLOSED = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})


@dataclass(frozen=True)
class Retention:
    """The mode of one Region, and the one before this command; ``problem`` says why there is none."""

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
        """What was found, as the end of a sentence about data retention in the Region."""
        return f'is "{self.mode}"' if self.mode else f"cannot be read: {self.problem}"


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

    def attempt(region: str) -> Retention:
        try:
            return step(clients[region], region)
        except ClientError as error:
            code, message = (error.response["Error"].get(key, "") for key in ("Code", "Message"))
            return Retention(region, problem=f"{code}: {message}", is_closed=code in _CLOSED)
        except BotoCoreError as error:
            return Retention(region, problem=str(error))

    return map_in_parallel(attempt, list(clients), _AT_A_TIME)


def _read(client: Any, region: str) -> Retention:  # noqa: ANN401 - boto3's client
    mode = client.get_account_data_retention()["mode"]
    return Retention(region, mode, mode)


def _set_none(client: Any, region: str) -> Retention:  # noqa: ANN401 - boto3's client
    before = _read(client, region)
    if before.keeps_nothing:
        return before
    mode = client.put_account_data_retention(mode=NONE)["mode"]
    return Retention(region, mode, before.mode)
