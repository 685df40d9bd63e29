"""How much of its quota the tenant has used, as the guard in the operations account told it last.

The guard stops a tenant whose quota is reached by a Deny. AWS's message about it reads like that of any other Deny, so
the package does not interpret it, and reads the tenant's own parameter of Systems Manager instead.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tenant_bedrock.errors import UsageNotReadError

_REACHED = "reached"


@dataclass(frozen=True)
class UsageWindow:
    """The use of one limit in a day or a month; ``alias`` is None if all aliases count towards it.

    ``unit`` is "tokens" or "usd", ``state`` "open", "warned" or "reached". The guard reads Bedrock's counts with a
    delay of minutes to hours, so more may be used than ``used``.
    """

    window: str
    unit: str
    used: float
    limit: float
    end: datetime
    state: str
    alias: str | None = None


@dataclass(frozen=True)
class QuotaUsage:
    """The windows of all limits at ``time``. Without ``is_enforced`` nothing stops the tenant, and there are none."""

    is_enforced: bool
    time: datetime | None = None
    windows: tuple[UsageWindow, ...] = ()

    def reached(self, alias: str | None) -> UsageWindow | None:
        """Return the window that stops calls of ``alias`` for the longest time; None if none does."""
        stopped = [
            window
            for window in self.windows
            if window.state == _REACHED and window.alias in (None, alias)
        ]
        return max(stopped, key=lambda window: window.end, default=None)

    def as_json(self) -> dict[str, Any]:
        """Return what the handler answers; times are ISO 8601 in UTC."""
        windows = [{**asdict(window), "end": _text(window.end)} for window in self.windows]
        return {"is_enforced": self.is_enforced, "time": _text(self.time), "windows": windows}


NOT_ENFORCED = QuotaUsage(is_enforced=False)


def parse_usage(text: str | None) -> QuotaUsage:
    """Return what the parameter says; without a text the guard has not read the tenant yet.

    Raises UsageNotReadError if the text is not the guard's.
    """
    if text is None:
        return QuotaUsage(is_enforced=True)
    try:
        content = json.loads(text)
        windows = tuple(
            UsageWindow(
                window=str(item["window"]),
                unit=str(item["unit"]),
                used=float(item["used"]),
                limit=float(item["limit"]),
                end=_time(item["end"]),
                state=str(item["state"]),
                alias=item.get("alias"),
            )
            for item in content["windows"]
        )
        return QuotaUsage(is_enforced=True, time=_time(content["time"]), windows=windows)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageNotReadError(
            "The parameter with the tenant's use is not what the guard writes; ask the operator to look at it."
        ) from None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _text(time: datetime | None) -> str | None:
    return None if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
