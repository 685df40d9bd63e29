"""Bedrock's data retention setting of each account and Region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.context import LocalAwsContext

_MODES = frozenset({"default", "none", "aws_review", "provider_data_share", "inherit"})


class DataRetention:
    """GetAccountDataRetention and PutAccountDataRetention, as botocore 1.44.5 models them."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._modes: dict[tuple[str, str], Mapping[str, Any]] = {}

    def get_account_data_retention(self, call: Call) -> Mapping[str, Any]:
        """The mode; it is ``inherit`` until it is set, which is not zero retention."""
        return self._modes.get((call.account, call.region), {"mode": "inherit"})

    def put_account_data_retention(self, call: Call) -> Mapping[str, Any]:
        """Set the mode; ValidationException for one that does not exist."""
        mode = call.parameters["mode"]
        if mode not in _MODES:
            raise ServiceError("ValidationException", f"The mode must be one of {sorted(_MODES)}.")
        setting = {"mode": mode, "updatedAt": self._context.clock.now().isoformat()}
        self._modes[call.account, call.region] = setting
        return setting
