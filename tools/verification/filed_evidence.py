"""The newest certificate of a proof and the newest report of `make verify` that are on this machine."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from operations_guard.verified_line import CANNOT_TELL, FAULT, OK
from tools.paths import EVIDENCE, ROOT
from tools.proof.folder import CERTIFICATE, PROOFS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_REPORT = re.compile(r".+-verify-\d{4}-\d\d-\d\dT\d{6}Z\.md")
_DATA = "```json\n"  # begins the part for machines of a report


@dataclass(frozen=True)
class FiledEvidence:
    """A file from the top of the repository, when what it is about was looked at, and its result in words."""

    file: str
    time: str  # ISO 8601 in UTC
    result: str


@dataclass(frozen=True)
class NewestEvidence:
    """The newest of each kind, None where there is none, and sentences about files that could not be read."""

    certificate: FiledEvidence | None
    verification: FiledEvidence | None
    unread: tuple[str, ...]


def newest_evidence(environment: str, tenant: str | None) -> NewestEvidence:
    """Find the evidence of an environment; a report of `make verify` is of all tenants or of ``tenant``."""
    unread: list[str] = []
    certificates = _read(PROOFS.glob(f"{environment}-*/{CERTIFICATE}"), _certificate, unread)
    reports = _read(
        (file for file in EVIDENCE.glob(f"{environment}-*") if _REPORT.fullmatch(file.name)),
        _verification,
        unread,
    )
    return NewestEvidence(
        _newest(evidence for name, _, evidence in certificates if name == environment),
        _newest(
            evidence
            for name, scope, evidence in reports
            if name == environment and scope in (None, tenant)
        ),
        tuple(unread),
    )


_Filed = tuple[str, str | None, FiledEvidence]  # the environment, the tenant, and the evidence


def _read(
    files: Iterable[Path], evidence: Callable[[Path], _Filed], unread: list[str]
) -> list[_Filed]:
    found = []
    for file in files:
        try:
            found.append(evidence(file))
        except (OSError, ValueError, KeyError, TypeError) as error:
            unread.append(f"{_shown(file)} cannot be read as evidence: {error}.")
    return found


def _certificate(file: Path) -> _Filed:
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    verdict = "proved" if data["proved"] is True else "not proved"
    part = " in a part of the environment" if data.get("part") else ""
    result = f"{verdict}: tenant isolation in {data['subject']}{part}"
    evidence = FiledEvidence(_shown(file.parent), _time(data["made"]), result)
    return data["environment"], None, evidence


def _verification(file: Path) -> _Filed:
    text = file.read_text(encoding="utf-8")
    _, _, rest = text.partition(_DATA)
    data: dict[str, Any] = json.loads(rest.rpartition("```")[0])
    counts = Counter(line["status"] for line in data["lines"])
    result = f"{counts[OK]:,} ok, {counts[FAULT]:,} faults, {counts[CANNOT_TELL]:,} cannot tell"
    evidence = FiledEvidence(_shown(file), _time(data["started"]), result)
    return data["environment"], data["tenant"], evidence


def _time(text: str) -> str:
    """Return a time that can be compared with others; ValueError or TypeError for anything else."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"the time {text} has no time zone")
    return text


def _newest(found: Iterable[FiledEvidence]) -> FiledEvidence | None:
    return max(found, key=lambda item: datetime.fromisoformat(item.time), default=None)


def _shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()
