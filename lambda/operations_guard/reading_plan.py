"""When each tenant of a shard is to be read next: one parameter of Systems Manager for all of them.

Without it, every run would ask for every metric. If it is lost, or two guards write it at once, tenants are read
once more than they would have been.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_MOST_MINUTES = len(_DIGITS) ** 2 - 1
_DIGEST = 5
# The tenant's digest, the digest of what was written, minutes in two digits, what is denied in one.
_ENTRY = 2 * _DIGEST + 3


@dataclass(frozen=True)
class PlannedRead:
    """When a tenant is read next, what was written of it last, and what of it is denied.

    ``written`` is the digest of the parameter's content, empty if it is still to be written.
    """

    time: datetime
    written: str
    is_denied: bool
    has_denied_aliases: bool


class ReadingPlan:
    """The planned reads of a shard, by the digest of the tenant."""

    def __init__(self, ssm: Any, environment: str, shard: int) -> None:  # noqa: ANN401 - boto3's client
        self._ssm = ssm
        # No tenant's name begins with an underscore.
        self.name = f"/bedrock/{environment}/usage/_{shard}"

    def read(self, now: datetime) -> dict[str, PlannedRead]:
        """Return the reads by digest; none if there is no such parameter, or it is not what was written until now."""
        try:
            value = self._ssm.get_parameter(Name=self.name)["Parameter"]["Value"]
        except self._ssm.exceptions.ParameterNotFound:
            return {}
        first, _, entries = value.partition(":")
        if not first.isdecimal() or len(entries) % _ENTRY or set(entries) - set(_DIGITS):
            return {}
        if int(first) * 60 > now.timestamp():
            return {}
        start = datetime.fromtimestamp(int(first) * 60, UTC)
        texts = (entries[index : index + _ENTRY] for index in range(0, len(entries), _ENTRY))
        return dict(_planned(text, start) for text in texts)

    def write(self, reads: Mapping[str, PlannedRead], now: datetime) -> None:
        """Replace all reads."""
        first = int(now.timestamp()) // 60
        entries = "".join(_entry(digest, read, first) for digest, read in sorted(reads.items()))
        self._ssm.put_parameter(
            Name=self.name,
            Value=f"{first}:{entries}",
            Type="String",
            Tier="Intelligent-Tiering",  # 4 KB, the limit of a standard parameter, are 314 tenants
            Overwrite=True,
        )


def _entry(digest: str, read: PlannedRead, first: int) -> str:
    # Rounded down, so that a tenant is never read late.
    minutes = min(max(int(read.time.timestamp()) // 60 - first, 0), _MOST_MINUTES)
    high, low = divmod(minutes, len(_DIGITS))
    denied = _DIGITS[read.is_denied + 2 * read.has_denied_aliases]
    return f"{digest}{read.written or '-' * _DIGEST}{_DIGITS[high]}{_DIGITS[low]}{denied}"


def _planned(text: str, start: datetime) -> tuple[str, PlannedRead]:
    digest, written, rest = text[:_DIGEST], text[_DIGEST : 2 * _DIGEST], text[2 * _DIGEST :]
    minutes = _DIGITS.index(rest[0]) * len(_DIGITS) + _DIGITS.index(rest[1])
    denied = _DIGITS.index(rest[2])
    read = PlannedRead(
        start + timedelta(minutes=minutes),
        "" if written == "-" * _DIGEST else written,
        bool(denied & 1),
        bool(denied & 2),
    )
    return digest, read
