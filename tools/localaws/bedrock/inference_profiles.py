"""The application inference profiles of all accounts."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class InferenceProfile:
    """One application inference profile; ``model_arns`` are the foundation models that it runs.

    ``created`` is ISO 8601; ``request_token`` is the clientRequestToken that created the profile.
    """

    arn: str
    model_arns: tuple[str, ...]
    name: str
    created: str
    description: str | None = None
    request_token: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class InferenceProfiles:
    """Profiles by ARN: the Bedrock service writes them, and authorization reads them."""

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
        """Remove the profile with this ARN, if there is one."""
        with self._lock:
            self._profiles.pop(arn, None)

    def all(self) -> list[InferenceProfile]:
        """All profiles, in the order of their creation."""
        with self._lock:
            return list(self._profiles.values())

    def for_account(self, account: str, region: str) -> list[InferenceProfile]:
        """The profiles of one account and Region, in the order of their creation."""
        place = [region, account]
        return [profile for profile in self.all() if profile.arn.split(":")[3:5] == place]
