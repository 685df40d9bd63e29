"""Inference profiles as authorization sees them: an ARN, the models behind it, its tags."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class InferenceProfile:
    """One application inference profile; ``model_arns`` are the foundation models it runs."""

    arn: str
    model_arns: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


class InferenceProfiles:
    """Written by the Bedrock service, read by authorization: by ARN."""

    def __init__(self) -> None:
        self._profiles: dict[str, InferenceProfile] = {}
        self._lock = threading.Lock()

    def put(self, profile: InferenceProfile) -> None:
        """Add a profile, or replace the one with its ARN."""
        with self._lock:
            self._profiles[profile.arn] = profile

    def get(self, arn: str) -> InferenceProfile | None:
        """The profile with this ARN, or None."""
        with self._lock:
            return self._profiles.get(arn)

    def remove(self, arn: str) -> None:
        """Forget the profile with this ARN, if there is one."""
        with self._lock:
            self._profiles.pop(arn, None)

    def of_account(self, account: str, region: str) -> list[InferenceProfile]:
        """The profiles of one account and Region, in order of their creation."""
        with self._lock:
            profiles = list(self._profiles.values())
        return [profile for profile in profiles if profile.arn.split(":")[3:5] == [region, account]]
