"""The trail: all calls to the local AWS and their results, without content (like CloudTrail)."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class TrailEntry:
    """One call, filled in as the call is processed; no field holds a request or response body or a secret.

    ``time`` is ISO 8601 in UTC. What is not known when a call fails stays empty.
    """

    time: str = ""
    account: str = ""
    principal_arn: str = ""
    service: str = ""
    action: str = ""
    resource: str = "*"
    region: str = ""
    allowed: bool = True
    status: int = 0
    error_code: str | None = None
    refused_by: str | None = None
    reason: str = ""


class Trail:
    """All calls, in the order in which they ended."""

    def __init__(self) -> None:
        self._entries: list[TrailEntry] = []

    def add(self, entry: TrailEntry) -> None:
        """Record one call."""
        self._entries.append(entry)

    def entries(self, **filters: object) -> list[TrailEntry]:
        """The calls whose fields have the values of ``filters``, oldest first.

        Raises KeyError for a field that TrailEntry does not have.
        """
        return [
            entry
            for entry in list(self._entries)
            if all(asdict(entry)[name] == value for name, value in filters.items())
        ]
