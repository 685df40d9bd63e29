"""Bedrock's data retention in an account: one mode for each Region, of which only ``none`` keeps nothing.

An account that was never configured reports ``inherit``. What Bedrock keeps of a call is kept in the Region that
served it: https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore
from botocore.exceptions import BotoCoreError, ClientError

from operations_guard.aws_reader import NotReadError
from operations_guard.verified_line import lines_of_regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operations_guard.aws_reader import AwsReader
    from operations_guard.verified_line import VerifiedLine

NONE = "none"
SUBJECT = "data retention"
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


def read_mode(client: Any, region: str) -> Retention:  # noqa: ANN401 - boto3's client
    """Return the mode of a Region, or why it cannot be read.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetAccountDataRetention.html
    """
    if not hasattr(client, "get_account_data_retention"):
        known = f"botocore {botocore.__version__} does not know bedrock:GetAccountDataRetention"
        return Retention(region, problem=known)
    try:
        mode = client.get_account_data_retention()["mode"]
    except (BotoCoreError, ClientError) as error:
        return Retention(region, problem=reason(error), is_closed=_code(error) in _CLOSED)
    return Retention(region, mode, mode)


def retention_lines(reader: AwsReader, regions: Sequence[str]) -> Iterator[VerifiedLine]:
    """Look whether the mode of each Region is ``none``."""

    def look(region: str) -> Iterator[str]:
        retention = read_mode(reader.client("bedrock", region), region)
        if retention.mode is None:
            raise NotReadError(f"the mode in {region} {retention.state}")
        if not retention.keeps_nothing:
            yield f"the mode in {region} {retention.state}"

    advice = (
        "Run `make bootstrap`, which sets it in each Region of the stanzas, or `aws bedrock put-account-data-retention "
        "--mode none --region {region}`."
    )
    return lines_of_regions(SUBJECT, regions, look, f'"{NONE}"', advice)


def _code(error: BotoCoreError | ClientError) -> str:
    """Return AWS's error code; an empty text if AWS did not answer."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def reason(error: BotoCoreError | ClientError) -> str:
    """Return why there is no answer, without a full stop."""
    message = error.response["Error"]["Message"] if isinstance(error, ClientError) else str(error)
    words = message.rstrip(".")
    return f"{_code(error)}: {words}" if _code(error) else words
