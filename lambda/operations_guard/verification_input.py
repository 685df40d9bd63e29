"""What the daily verification knows of a shard: the input of the shard's schedule, which Terraform writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from operations_guard.guard_input import GuardInputError
from operations_guard.guarded_account import GuardedAccount

_TEXTS = ("account", "environment", "partition", "region")
_LISTS = ("regions", "tenants", "trail_regions")


@dataclass(frozen=True)
class VerificationInput:
    """The account as the shard's stanzas have it, and the shard's place among ``shards``."""

    account: GuardedAccount
    shard: int
    shards: int


def read_verification_input(event: object) -> VerificationInput:
    """Return the input of a schedule; raises GuardInputError that names a member.

    With the global profile a call may run in every Region in which Bedrock is:
    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
    """
    if not isinstance(event, Mapping):
        raise GuardInputError("The input is not a JSON object.")
    texts = {name: _member(event, name, str) for name in _TEXTS}
    lists = {name: _member(event, name, list) for name in _LISTS}
    profiles: Mapping[str, Any] = _member(event, "profiles", Mapping)
    worldwide = (
        boto3.Session().get_available_regions("bedrock", texts["partition"])
        if _member(event, "worldwide", bool)
        else []
    )
    return VerificationInput(
        account=GuardedAccount(
            **texts,
            regions=tuple(sorted({*lists["regions"], *worldwide})),
            profiles=tuple((region, each) for region, ids in profiles.items() for each in ids),
            trail_regions=tuple(lists["trail_regions"]),
            tenants=tuple(lists["tenants"]),
        ),
        shard=_member(event, "shard", int),
        shards=_member(event, "shards", int),
    )


def _member(event: Mapping[str, Any], name: str, kind: type) -> Any:  # noqa: ANN401 - a JSON value
    value = event.get(name)
    if not isinstance(value, kind):
        raise GuardInputError(
            f"{name} is not what modules/operations-guard needs; apply the operations account again."
        )
    return value
