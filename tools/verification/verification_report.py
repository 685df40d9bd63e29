"""The result of `make verify`: for people, for machines, and as dated evidence."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from operations_guard.aws_statements import STATEMENTS
from operations_guard.verified_line import CANNOT_TELL, FAULT, OK, STATED
from tools.cli.evidence_file import (
    data_lines,
    evidence_file_name,
    markdown_row,
    write_evidence_file,
)
from tools.release import release_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from operations_guard.bedrock_projects import NotAsked
    from operations_guard.verified_line import VerifiedLine
    from tools.environment.model import Environment


@dataclass(frozen=True)
class VerificationReport:
    """What was verified of an environment, or of one tenant in it."""

    environment: Environment
    tenant: str | None
    started: datetime  # in UTC
    regions: tuple[str, ...]  # of the operations account
    lines: tuple[VerifiedLine, ...]
    not_asked: tuple[NotAsked, ...]

    @property
    def is_ok(self) -> bool:
        """Whether every line is."""
        return all(line.status == OK for line in self.lines)

    @property
    def sentence(self) -> str:
        """The numbers of lines."""
        counts = Counter(line.status for line in self.lines)
        unknown = counts[CANNOT_TELL]
        return f"{counts[OK]:,} lines are ok, {counts[FAULT]:,} are faults, and {unknown:,} could not be told."

    @property
    def file_name(self) -> str:
        """The name of its evidence."""
        return evidence_file_name("verify", self.environment.name, self.tenant, self.started)

    @property
    def data(self) -> dict[str, Any]:
        """The report for machines; the time is ISO 8601 in UTC."""
        return {
            "environment": self.environment.name,
            "account": self.environment.operations_account_id,
            "tenant": self.tenant,
            "started": self.started.isoformat(timespec="seconds"),
            "version": release_version(),
            "regions": list(self.regions),
            "lines": [asdict(line) for line in self.lines],
            "not_asked": [asdict(item) for item in self.not_asked],
            "statements": [asdict(item) for item in STATEMENTS],
        }

    def write(self, file: Path) -> Path:
        """Write the evidence and return its path; CommandError if the file exists."""
        return write_evidence_file(file, self._evidence())

    def _evidence(self) -> Iterator[str]:
        environment, scope = self.environment, self.tenant or "all tenants"
        yield f"# Verification of {environment.name}, {self.started:%Y-%m-%d}"
        yield ""
        yield (
            f"Version {release_version()}, operations account {environment.operations_account_id}, {scope}, started "
            f"{self.started:%H:%M:%S} UTC, in {', '.join(self.regions)}."
        )
        yield ""
        yield self.sentence
        yield ""
        yield (
            '"Checked" is what AWS\'s configuration said at this time. "Proved" is what two solvers decided for every '
            'request. "AWS\'s word" is what nobody but AWS can check.'
        )
        yield ""
        yield markdown_row("what", "result", "found", "known by")
        yield "|---|---|---|---|"
        for line in self.lines:
            yield markdown_row(line.subject, line.status, line.found, line.basis)
        for statement in STATEMENTS:
            yield markdown_row(statement.sentence, "-", statement.page, STATED)
        yield ""
        yield "## Not asked"
        yield ""
        yield from (f"- {item.subject}: {item.reason}." for item in self.not_asked)
        if not self.not_asked:
            yield "Everything was asked."
        yield ""
        yield from data_lines(self.data)
