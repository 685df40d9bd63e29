"""Where start marks and copies of records go that CloudWatch has not acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenant_bedrock.parts import RecordText


class Copies(Protocol):
    """The function's own log, or a spool on a computer that is not a Lambda function."""

    @property
    def retry_seconds(self) -> float | None:
        """Seconds between two attempts to put the copies that wait; None where none can wait."""

    def write_mark(self, mark: RecordText) -> None:
        """Write a start mark before its request leaves; raises OSError."""

    def write_copy(self, record: RecordText, reason: str) -> None:
        """Write a copy of a record; raises OSError. ``reason`` is an error code or a class name."""

    def remove(self, record_id: str) -> None:
        """Forget the mark and the copies of a call whose record CloudWatch has acknowledged."""

    def waiting(self) -> Iterator[RecordText]:
        """The copies to put; each is removed when the next one is asked for."""
